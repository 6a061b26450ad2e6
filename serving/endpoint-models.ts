import {
  createVersionUse,
  loadVersion,
  messageOf,
  type HeldVersion,
  type LoadedVersion,
  type LoadEndpointPredictor,
  type ProductionModel,
  type VersionUse,
} from './endpoint-version.ts';

export interface ServedModelsDeps {
  readonly productionVersions: () => Promise<readonly ProductionModel[]>;
  readonly loadPredictor: LoadEndpointPredictor;
  readonly pollMs: number;
  readonly maxRows: number;
  readonly log: (line: string) => void;
}

export interface ServedModelStatus {
  readonly model: string;
  /** The version that answers now; null when none could be loaded yet. */
  readonly servingVersion: number | null;
  readonly servingSha256: string | null;
  /** The version that the registry has in Production. */
  readonly wantedVersion: number;
  /** Why the wanted version is not served; null when it is, or when it is still loading. */
  readonly error: string | null;
  readonly features: readonly string[] | null;
}

export interface ServedModels {
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
  /** Takes the serving version of a model for one request; undefined when there is none. */
  readonly hold: (model: string) => HeldVersion | undefined;
  readonly status: (model: string) => ServedModelStatus | undefined;
  readonly all: () => readonly ServedModelStatus[];
  /** Whether the registry has answered at least once. */
  readonly known: () => boolean;
  readonly registryError: () => string | null;
}

/** How long a version that cannot be loaded is left alone at most: long enough to spare the disk, short enough to heal. */
const RETRY_CEILING_MS = 5_000;

interface Slot {
  wanted: ProductionModel;
  serving: LoadedVersion | undefined;
  error: string | null;
  failures: number;
  retryAt: number;
}

/**
 * Follows the registry: keeps for each model in Production one loaded version, and replaces it without a gap when
 * another one is promoted. A new version is loaded with its digest checked and warmed with one run before requests see
 * it; the old one is released when its last request is answered. Whatever cannot be loaded leaves the old one serving.
 */
export function createServedModels(deps: ServedModelsDeps): ServedModels {
  const slots = new Map<string, Slot>();
  const use = createVersionUse(deps.log);
  let known = false;
  let registryError: string | null = null;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let polling: Promise<void> = Promise.resolve();

  const poll = async (): Promise<void> => {
    let wanted: readonly ProductionModel[];
    try {
      wanted = await deps.productionVersions();
    } catch (error) {
      // What is loaded goes on serving: the registry says what to change, it is not needed to answer.
      const message = messageOf(error);
      if (registryError !== message) deps.log(`the registry cannot be read: ${message}`);
      registryError = message;
      return;
    }
    registryError = null;
    await followAll(deps, use, slots, wanted);
    known = true;
  };

  const pollForEver = async (): Promise<void> => {
    await poll();
    if (stopped) return;
    timer = setTimeout(() => void (polling = pollForEver()), deps.pollMs);
  };

  return {
    start: () => (polling = pollForEver()),
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await polling;
      for (const { serving } of slots.values()) use.retire(serving);
      slots.clear();
      await use.released();
    },
    hold: (model) => {
      const loaded = slots.get(model)?.serving;
      return loaded === undefined ? undefined : use.hold(loaded);
    },
    status: (model) => {
      const slot = slots.get(model);
      return slot === undefined ? undefined : statusOf(slot);
    },
    all: () => [...slots.values()].map(statusOf).sort((a, b) => (a.model < b.model ? -1 : 1)),
    known: () => known,
    registryError: () => registryError,
  };
}

/** Brings the slots to what the registry wants: one a model. A model that takes long to load holds up no other. */
async function followAll(
  deps: ServedModelsDeps,
  use: VersionUse,
  slots: Map<string, Slot>,
  wanted: readonly ProductionModel[],
): Promise<void> {
  const models = new Set(wanted.map(({ model }) => model));
  for (const [model, slot] of slots) {
    if (models.has(model)) continue;
    slots.delete(model);
    use.retire(slot.serving);
    deps.log(`${model} left Production`);
  }
  for (const model of wanted) updateWanted(slots, model);
  await Promise.all([...slots.values()].map((slot) => follow(deps, use, slot)));
}

async function follow(deps: ServedModelsDeps, use: VersionUse, slot: Slot): Promise<void> {
  const { wanted } = slot;
  if (slot.serving?.version === wanted.version && slot.serving.sha256 === wanted.sha256) {
    slot.error = null;
    return;
  }
  if (Date.now() < slot.retryAt) return;
  try {
    const loaded = await loadVersion(deps.loadPredictor, wanted, deps.maxRows);
    const old = slot.serving;
    Object.assign(slot, { serving: loaded, error: null, failures: 0, retryAt: 0 });
    use.retire(old);
    deps.log(`${wanted.model} ${old === undefined ? '' : `version ${old.version} -> `}version ${wanted.version}`);
  } catch (error) {
    const message = messageOf(error);
    if (slot.error !== message) deps.log(`${wanted.model} version ${wanted.version} cannot be served: ${message}`);
    slot.error = message;
    slot.retryAt = Date.now() + Math.min(RETRY_CEILING_MS, deps.pollMs * 2 ** slot.failures++);
  }
}

function updateWanted(slots: Map<string, Slot>, wanted: ProductionModel): void {
  const slot = slots.get(wanted.model);
  if (slot === undefined) {
    slots.set(wanted.model, { wanted, serving: undefined, error: null, failures: 0, retryAt: 0 });
  } else if (slot.wanted.version !== wanted.version || slot.wanted.sha256 !== wanted.sha256) {
    Object.assign(slot, { wanted, error: null, failures: 0, retryAt: 0 });
  }
}

function statusOf({ wanted, serving, error }: Slot): ServedModelStatus {
  return {
    model: wanted.model,
    servingVersion: serving?.version ?? null,
    servingSha256: serving?.sha256 ?? null,
    wantedVersion: wanted.version,
    error,
    features: serving?.predictor.features ?? null,
  };
}
