import proto from 'onnx-proto';

/**
 * The same classifier, but on the way to its answer it spreads each score over more bytes than a process can address.
 * For at most 32768 rows at a time: beyond, the number of bytes overflows, which the runtime finds out otherwise.
 */
export function memoryHungry(model: Uint8Array): Uint8Array {
  const decoded = proto.onnx.ModelProto.decode(model);
  const { graph } = decoded;
  const last = graph?.node?.at(-1);
  const [score] = last?.output ?? [];
  if (!graph?.node || !last || score === undefined) throw new Error('the model has another graph');
  const { INT, INTS } = proto.onnx.AttributeProto.AttributeType;
  const attribute = [
    { name: 'axes', type: INTS, ints: [0] },
    { name: 'keepdims', type: INT, i: 0 },
  ].map((one) => proto.onnx.AttributeProto.create(one));
  const shape = { name: 'shape', dims: [3], dataType: proto.onnx.TensorProto.DataType.INT64 };
  graph.initializer = [
    ...(graph.initializer ?? []),
    proto.onnx.TensorProto.create({ ...shape, int64Data: [2 ** 45, 1, 1] }),
  ];
  last.output = ['inner'];
  graph.node.push(
    proto.onnx.NodeProto.create({ opType: 'Expand', input: ['inner', 'shape'], output: ['huge'] }),
    proto.onnx.NodeProto.create({ opType: 'ReduceMean', input: ['huge'], output: [score], attribute }),
  );
  return proto.onnx.ModelProto.encode(decoded).finish();
}
