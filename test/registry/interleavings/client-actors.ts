import { createCaller } from '../../../registry/identity/rights.ts';
import type { Act } from '../../../registry/models/act.ts';
import type { Registry } from '../../../registry/registry.ts';
import type { Stage } from '../../../registry/stages.ts';
import { newKey, type Send } from './world.ts';

/** What a registry client does by hand. */
export type Deed =
  | { readonly kind: 'move'; readonly version: number; readonly to: Stage; readonly archiveExisting: boolean }
  | { readonly kind: 'set-alias'; readonly alias: string; readonly version: number }
  | { readonly kind: 'delete-alias'; readonly alias: string }
  | { readonly kind: 'rename'; readonly to: string }
  | { readonly kind: 'delete-version' | 'tag' | 'comment' | 'answer'; readonly version: number }
  | { readonly kind: 'ask'; readonly version: number; readonly to: Stage }
  | { readonly kind: 'delete-model' | 'create-version' };

export interface ClientSession {
  readonly kind: 'client';
  readonly model: string;
  readonly who: keyof typeof WHO;
  readonly deeds: readonly Deed[];
}

const breakGlass = ['admin'];
export const WHO = {
  contributor: { caller: createCaller({ name: 'scientist', proof: 'token', roles: ['contributor'] }) },
  manager: { caller: createCaller({ name: 'manager', proof: 'token', roles: ['production-manager'] }) },
  admin: { caller: createCaller({ name: 'root', proof: 'token', roles: ['admin'], breakGlass }) },
  breaker: {
    caller: createCaller({ name: 'breaker', proof: 'token', roles: ['admin'], breakGlass }),
    breakGlassReason: 'it burns',
  },
} as const;

export async function carryOut(
  registry: Registry,
  { model, who, deeds }: ClientSession,
  directChanges: Act['directChanges'],
  send: Send,
): Promise<void> {
  const by: Act = { ...WHO[who], directChanges };
  for (const deed of deeds) await doOne(registry, model, deed, by, send);
}

async function doOne(registry: Registry, model: string, deed: Deed, by: Act, send: Send): Promise<void> {
  switch (deed.kind) {
    case 'move':
      await send('move', () => registry.transitionByHand({ ...deed, model, comment: 'by hand' }, by));
      return;
    case 'set-alias':
      return send('set alias', () => registry.setAlias({ ...deed, model }, by));
    case 'delete-alias':
      return send('delete alias', () => registry.deleteAlias({ ...deed, model }, by));
    case 'rename':
      await send('rename', () => registry.renameModel(model, deed.to, by));
      return;
    case 'delete-version':
      await send('delete version', () => registry.deleteVersion({ model, version: deed.version }, by));
      return;
    case 'delete-model':
      await send('delete model', () => registry.deleteModel(model, by));
      return;
    case 'tag':
      return send('tag', () => registry.setVersionTag({ model, version: deed.version, key: 'k', value: 'v' }, by));
    case 'comment': {
      const comment = { model, version: deed.version, key: newKey(), comment: 'look' };
      const added = (): Promise<string> => registry.addClientComment(comment, by.caller);
      await send('comment', added);
      return;
    }
    case 'create-version': {
      const named = { model, source: 's3://bucket/model', runId: undefined, loggedModelId: undefined };
      await send('create version', () =>
        registry.createVersion({ ...named, runLink: '', description: '', tags: [] }, by),
      );
      return;
    }
    case 'ask':
      await send('ask', () => registry.askTransition({ ...deed, model, comment: 'please' }, by.caller));
      return;
    case 'answer':
      return answer(registry, model, deed.version, by, send);
  }
}

/** Answers what waits, as the routes do: with what they read before, which may have changed since. */
async function answer(registry: Registry, model: string, version: number, by: Act, send: Send): Promise<void> {
  const waiting = await send('list', () => registry.waitingRequests({ model, version }));
  for (const { request } of waiting) {
    if (request.toStage === 'Archived' || request.toStage === 'None') {
      await send('approve by hand', () => registry.approveByHand(request, 'fine', by));
    } else if (request.toStage === 'Production' && request.status === 'open') {
      const closing = { requestId: request.id, outcome: 'cancelled' as const, by: by.caller.name, comment: 'back' };
      await send('take back', () => registry.closeApproval(closing));
    } else {
      await send('withdraw', () => registry.withdrawAsked(request, 'back', by));
    }
  }
}
