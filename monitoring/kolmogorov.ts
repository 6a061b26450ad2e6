/** Up to here the exact distribution is computed; its matrices grow with n d. */
const EXACT_UP_TO = 140;

/**
 * P(D_n >= d) of the one-sample Kolmogorov-Smirnov statistic of n observations. Two samples of n and m have it, to a
 * good approximation, at nm/(n+m). Exact up to n = 140 (Marsaglia, Tsang and Wang, J. Stat. Softw. 8(18), 2003); beyond,
 * Kolmogorov's limit with the correction of Vrbik (J. Stat. Comput. Simul., 2018), which errs by less than 1e-4.
 */
export function kolmogorovSurvival(n: number, d: number): number {
  if (n < 1 || d <= 0) return 1;
  if (d >= 1) return 0;
  // The authors' own tail, good to 7 decimals, where the exact sum would be 1 minus almost 1.
  const s = n * d * d;
  if (s > 7.24 || (s > 3.76 && n > 99)) return 2 * Math.exp(-(2.000071 + 0.331 / Math.sqrt(n) + 1.409 / n) * s);
  if (n <= EXACT_UP_TO) return clampProbability(1 - exactCdf(n, d));
  const root = Math.sqrt(n);
  return clampProbability(limitSurvival(root * d + 1 / (6 * root) + (root * d - 1) / (4 * n)));
}

/** Kolmogorov's limit: Q(x) = 2 sum (-1)^(j-1) exp(-2 j^2 x^2); for small x its theta-transformed twin converges. */
function limitSurvival(x: number): number {
  if (x <= 0) return 1;
  let sum = 0;
  if (x < 1) {
    for (let j = 1; j <= 20; j += 1) sum += Math.exp((-((2 * j - 1) ** 2) * Math.PI ** 2) / (8 * x * x));
    return 1 - (Math.sqrt(2 * Math.PI) / x) * sum;
  }
  for (let j = 1; j <= 20; j += 1) sum += (j % 2 === 1 ? 1 : -1) * Math.exp(-2 * j * j * x * x);
  return 2 * sum;
}

/** n!/n^n times the k-th diagonal entry of H^n, with H as in the paper. */
function exactCdf(n: number, d: number): number {
  const k = Math.floor(n * d) + 1;
  const size = 2 * k - 1;
  let result = entry(power(transitionMatrix(size, k - n * d), n), k - 1, k - 1);
  // n!/n^n factor by factor, so that nothing overflows: the entries of H^n stay below n^n/n!.
  for (let i = 1; i <= n; i += 1) result *= i / n;
  return result;
}

function transitionMatrix(size: number, h: number): number[][] {
  const matrix = Array.from({ length: size }, (_, i) =>
    Array.from({ length: size }, (_unused, j): number => (i - j + 1 >= 0 ? 1 : 0)),
  );
  const add = (i: number, j: number, change: number): void => {
    const row = matrix[i];
    if (row !== undefined) row[j] = (row[j] ?? 0) + change;
  };
  for (let i = 0; i < size; i += 1) {
    add(i, 0, -(h ** (i + 1)));
    add(size - 1, i, -(h ** (size - i)));
  }
  if (2 * h - 1 > 0) add(size - 1, 0, (2 * h - 1) ** size);
  for (let i = 0; i < size; i += 1) {
    for (let j = 0; j < size; j += 1) {
      const row = matrix[i];
      if (row !== undefined && i - j + 1 > 0) row[j] = (row[j] ?? 0) / factorial(i - j + 1);
    }
  }
  return matrix;
}

function factorial(n: number): number {
  let product = 1;
  for (let i = 2; i <= n; i += 1) product *= i;
  return product;
}

function power(matrix: number[][], exponent: number): number[][] {
  if (exponent === 1) return matrix;
  const half = power(matrix, Math.floor(exponent / 2));
  const square = multiply(half, half);
  return exponent % 2 === 0 ? square : multiply(square, matrix);
}

function multiply(a: number[][], b: number[][]): number[][] {
  return a.map((row) => row.map((_, j) => row.reduce((sum, value, k) => sum + value * entry(b, k, j), 0)));
}

function entry(matrix: number[][], i: number, j: number): number {
  return matrix[i]?.[j] ?? 0;
}

function clampProbability(p: number): number {
  return Math.min(1, Math.max(0, p));
}
