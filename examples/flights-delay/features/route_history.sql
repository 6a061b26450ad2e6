-- The route at midnight: flights whose delay became known in the 7 and 28 days up to then, midnight included.
-- A row rests on nothing but flights known by its own day, so that it never changes once that day has come.
WITH landed AS (
  -- The first midnight at or after the landing.
  SELECT
    origin,
    destination,
    time_bucket(INTERVAL 1 DAY, delay_known_at - INTERVAL 1 MICROSECOND) + INTERVAL 1 DAY AS first_day,
    count(*) AS flights,
    count(*) FILTER (delay > 15) AS late,
    sum(delay) AS delay
  FROM silver.flights
  WHERE delay_known_at IS NOT NULL
  GROUP BY ALL
)
SELECT
  origin,
  destination,
  first_day + to_days(age) AS day,
  day AS known_at,
  sum(late) FILTER (age < 7) / sum(flights) FILTER (age < 7) AS late_rate_7d,
  sum(late) / sum(flights) AS late_rate_28d,
  sum(delay) FILTER (age < 7) / sum(flights) FILTER (age < 7) AS mean_delay_7d,
  coalesce(sum(flights) FILTER (age < 7), 0)::INTEGER AS flights_7d
FROM landed, (SELECT range::INTEGER AS age FROM range(28))
GROUP BY origin, destination, day
