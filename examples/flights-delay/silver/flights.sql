SELECT
  _file,
  _row,
  date,
  origin,
  destination,
  distance,
  delay,          -- NULL until the flight has landed
  delay_known_at  -- when it landed; NULL until then
FROM bronze.flights
