import { describe, expect, it } from 'vitest';
import { createUndo, unlessAborted } from '../../../scripts/stack/undo.ts';

describe('createUndo', () => {
  it('stops workers first and the server last, in whatever order they were started', async () => {
    const undo = createUndo();
    const stopped: string[] = [];
    for (const phase of ['home', 'server', 'pages', 'workers', 'endpoints'] as const) {
      undo.push(phase, async () => void stopped.push(phase));
    }
    await undo.run();
    expect(stopped).toEqual(['workers', 'endpoints', 'pages', 'server', 'home']);
    await undo.run();
    expect(stopped).toHaveLength(5);
  });

  it('goes on when a step fails, and says so at the end', async () => {
    const undo = createUndo();
    const stopped: string[] = [];
    undo.push('workers', () => Promise.reject(new Error('stuck')));
    undo.push('server', async () => void stopped.push('server'));
    await expect(undo.run()).rejects.toThrow('stuck');
    expect(stopped).toEqual(['server']);
  });
});

describe('unlessAborted', () => {
  it('passes results and failures through, and rejects at once when aborted', async () => {
    const abort = new AbortController();
    expect(await unlessAborted(abort.signal, Promise.resolve(1))).toBe(1);
    expect(await unlessAborted(undefined, Promise.resolve(2))).toBe(2);
    await expect(unlessAborted(abort.signal, Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    const endless = unlessAborted(abort.signal, new Promise(() => undefined));
    abort.abort(new Error('stop'));
    await expect(endless).rejects.toThrow('stop');
    await expect(unlessAborted(abort.signal, Promise.resolve(3))).rejects.toThrow('stop');
  });
});
