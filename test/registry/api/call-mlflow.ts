export interface MlflowAnswer {
  readonly status: number;
  readonly code: string | undefined;
  readonly message: string | undefined;
  readonly retryAfter: string | null;
}

/** Calls `/dev/api/2.0/mlflow/<path>` of a server on this port, as registry clients do. */
export async function callMlflow(
  port: number,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body: object = {},
  token?: string,
): Promise<MlflowAnswer> {
  const response = await fetch(`http://127.0.0.1:${port}/dev/api/2.0/mlflow/${path}`, {
    method,
    headers: {
      ...(method === 'GET' ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(method === 'GET' ? {} : { body: JSON.stringify(body) }),
  });
  const { error_code: code, message } = (await response.json()) as { error_code?: string; message?: string };
  return { status: response.status, code, message, retryAfter: response.headers.get('retry-after') };
}
