SELECT
  _file,
  _row,
  (delay > 15)::INTEGER AS late,
  delay_known_at AS known_at
FROM silver.flights
WHERE delay_known_at IS NOT NULL
