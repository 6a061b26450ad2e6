import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kebabName } from '../../contracts/schemas/primitives.ts';
import { parseWorkflowId, WORKFLOW_ID_PREFIXES, workflowId, type WorkflowType } from '../../contracts/workflow-ids.ts';

const types = Object.keys(WORKFLOW_ID_PREFIXES) as WorkflowType[];
const names = fc.stringMatching(/^[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,8}){0,3}$/);

describe('workflow ids', () => {
  it('are the ones that users know', () => {
    expect(workflowId('refreshFeatures', 'flights-delay')).toBe('refresh-features/flights-delay');
    expect(workflowId('trainToDeploy', 'flights-delay', '2001-05')).toBe('train-to-deploy/flights-delay/2001-05');
    expect(workflowId('promoteModel', 'flights-delay', 7)).toBe('promote-model/flights-delay/7');
    expect(workflowId('rollBackModel', 'flights-delay', 'incident-12')).toBe(
      'roll-back-model/flights-delay/incident-12',
    );
  });

  it("begin with the type's words in kebab case", () => {
    for (const type of types) {
      expect(WORKFLOW_ID_PREFIXES[type]).toBe(type.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`));
    }
  });

  it('are parsed into what they were built from', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...types),
        names,
        fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
        (type, subject, key) => {
          expect(kebabName.safeParse(subject).success).toBe(true);
          const parts = key === undefined ? { type, subject } : { type, subject, key };
          expect(parseWorkflowId(workflowId(type, subject, key))).toEqual(parts);
        },
      ),
    );
  });

  it('of another shape are nobody’s', () => {
    for (const id of ['', 'train-model', 'train-model/', 'trainModel/a', '/a', 'constructor/a', 'refresh/a/b']) {
      expect(parseWorkflowId(id)).toBeUndefined();
    }
    fc.assert(
      fc.property(fc.string(), (id) => {
        const parts = parseWorkflowId(id);
        if (parts !== undefined) expect(workflowId(parts.type, parts.subject, parts.key)).toBe(id);
      }),
    );
  });
});
