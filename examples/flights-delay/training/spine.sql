SELECT
  _file,
  _row,
  date AS event_time,
  origin,
  destination,
  hour(date) AS hour,
  60 * hour(date) + minute(date) AS minute_of_day,
  isodow(date) AS day_of_week,  -- 1 = Monday
  distance
FROM silver.flights
