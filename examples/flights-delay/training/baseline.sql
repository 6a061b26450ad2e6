-- Without a model: as often late as the route was in the last four weeks; a fifth of all flights for a new route.
SELECT
  _file,
  _row,
  coalesce("route_history.late_rate_28d", 0.2) AS score
FROM dataset
