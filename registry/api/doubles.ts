/** A double in an answer: NaN is the text "NaN", infinities are the largest doubles, as MLflow writes them. */
export function writeDouble(value: number): number | 'NaN' {
  if (Number.isNaN(value)) return 'NaN';
  return Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, value));
}
