/** The page that lies in every evidence pack. */
export const PACK_README = `# Evidence pack

What is known of a model: how each version was made, what the gates found, who decided, and by what it is proved.

| file | holds |
| --- | --- |
| manifest.json, manifest.dsse.json | every file with its sha256, what is missing, and the environment's signature over that |
| audit.jsonl, audit-head.dsse.json | the audit's rows of this model; of other rows only digests, so that the hash chain can be followed to the signed head |
| keys.json | public keys that decisions were signed with, and whose they are |
| versions/N/version.json, gates.json, requests.json, production.json | the version, the gates' results, requests for a stage, stays in Production |
| versions/N/decisions.json | decisions, with the signed statement (DSSE, in-toto) where there is one |
| versions/N/evidence/ | what each decision rested on: the document, named by its digest, and the page that people saw |
| versions/N/lineage.json, artifact-digests.json, provenance.* | data, project, code and policy that it was made from, also as in-toto provenance (SLSA v1) |
| versions/N/evaluation-run.json, evaluation.dsse.json | of a version that a registry client brought: how it was judged here, on which rows. How it was built is the client's word |
| versions/N/bom.cdx.json | bill of materials, CycloneDX 1.6 |
| versions/N/histories/ | histories of the Temporal workflows involved, as JSON |

Verify it, with Superstep and nothing else: \`npm run audit -- verify-pack FOLDER --key FINGERPRINT\`.
The fingerprint must come from another way than this pack: from the environment's people, or from a head that was written out.

By hand: the row hash is sha256(previous hash + content digest), both as hex; the content digest is the sha256 of the
row's fields without its two hashes as JSON with sorted keys and no white space. Signatures are Ed25519 over DSSE's
pre-authentication encoding.
`;
