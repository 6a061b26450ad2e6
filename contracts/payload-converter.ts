import {
  type ConverterHint,
  defaultPayloadConverter,
  type Payload,
  type PayloadConverter,
  type SerializationContext,
} from '@temporalio/common';

/**
 * What workflows read and write payloads with: the SDK's own converter, made total. A payload that cannot be read (broken
 * JSON, an unknown encoding) would fail the workflow task, over and over: anybody who may send a signal could block a
 * waiting gate. Here it reads as undefined, and is judged and recorded like any other malformed message. What our own
 * workers send is always readable.
 */
export const payloadConverter: PayloadConverter = {
  toPayload: (value, context, hint) => defaultPayloadConverter.toPayload(value, context, hint),
  fromPayload<T>(payload: Payload, context?: SerializationContext, hint?: ConverterHint<T>): T {
    try {
      return defaultPayloadConverter.fromPayload<T>(payload, context, hint);
    } catch {
      return undefined as T;
    }
  },
};
