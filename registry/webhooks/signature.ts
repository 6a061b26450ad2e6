import { createHmac } from 'node:crypto';

export interface SignedDelivery {
  readonly deliveryId: string;
  readonly body: string;
  readonly secret: string | null;
  readonly at: Date;
}

/**
 * The headers of a delivery, in the spelling of both protocols. A receiver that keeps delivery ids for five minutes, and
 * refuses timestamps that are older, takes no message twice. Databricks' signature covers the body alone.
 */
export function deliveryHeaders({ deliveryId, body, secret, at }: SignedDelivery): Record<string, string> {
  const timestamp = String(Math.floor(at.getTime() / 1000));
  const named = { 'x-mlflow-delivery-id': deliveryId, 'x-mlflow-timestamp': timestamp };
  if (secret === null) return named;
  const mac = (text: string): Buffer => createHmac('sha256', secret).update(text).digest();
  return {
    ...named,
    'x-mlflow-signature': `v1,${mac(`${deliveryId}.${timestamp}.${body}`).toString('base64')}`,
    'x-databricks-signature': mac(body).toString('hex'),
  };
}
