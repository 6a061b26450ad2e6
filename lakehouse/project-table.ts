/** The name, in the gold layer, of a table that Superstep keeps for a project: `flights_delay_predictions`. */
export function projectTable(
  project: string,
  kind: 'predictions' | 'profile_metrics' | 'drift_metrics' | 'comparison_metrics',
): string {
  return `${project.replaceAll('-', '_')}_${kind}`;
}
