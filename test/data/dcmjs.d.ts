/** The part of dcmjs that the tests use; it brings no types. */
declare module 'dcmjs' {
  const dcmjs: {
    data: {
      datasetToBuffer(dataset: Record<string, unknown>): Uint8Array;
    };
  };
  export default dcmjs;
}
