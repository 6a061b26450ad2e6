import { defineQuery, setCurrentDetails, setHandler, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import { MESSAGE_NAMES, type WaitingGate, type WorkflowStatus } from '../contracts/messages.ts';
import { mlEnvironment, mlModel, mlPhase } from '../contracts/search-attributes.ts';

export const statusQuery = defineQuery<WorkflowStatus>(MESSAGE_NAMES.status);

/** What a person reads of a run while it runs: the phase, as a search attribute, and current details in Markdown. */
export interface Story {
  /** Starts a phase: its name and what the details say from now on. */
  phase(name: string, details: string): void;
  /** Changes the details within a phase, to what is waited for. */
  waitFor(gate: WaitingGate, details: string): void;
  /** What the run is about, once that is known. */
  about(model: string, asOf?: string): void;
}

/** Begins the story of this run; registers the query `status`, so it comes before the first await. */
export function beginStory(title: string): Story {
  let phase = 'starting';
  let details = '';
  let asOf: string | undefined;
  let waitsFor: WaitingGate | undefined;
  const show = (text: string): void => {
    details = text;
    setCurrentDetails(
      `### ${title}\n\n**Phase:** ${phase}${asOf === undefined ? '' : ` · **as of** ${asOf}`}\n\n${text}`,
    );
  };
  const status = (): WorkflowStatus => ({
    phase,
    details,
    ...(asOf === undefined ? {} : { asOf }),
    ...(waitsFor === undefined ? {} : { waitsFor }),
  });
  setHandler(statusQuery, status, { description: 'Where the run stands, as the current details show it' });
  return {
    phase: (name, text) => {
      phase = name;
      waitsFor = undefined;
      upsertSearchAttributes([{ key: mlPhase, value: name }]);
      show(text);
    },
    waitFor: (gate, text) => {
      waitsFor = gate;
      show(text);
    },
    about: (model, instant) => {
      asOf = instant;
      upsertSearchAttributes([
        { key: mlModel, value: model },
        { key: mlEnvironment, value: workflowInfo().namespace },
      ]);
    },
  };
}

/** A Markdown table; cells are made safe against `|` and line ends. */
export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((c) => c.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}
