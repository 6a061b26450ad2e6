-- How departures from an airport arrived, by what had landed in the 24 and 6 hours up to the full hour, that included.
-- A row rests on nothing but flights known by its own hour, so that it never changes once that hour has come.
WITH landed AS (
  -- The first full hour at or after the landing.
  SELECT
    origin,
    time_bucket(INTERVAL 1 HOUR, delay_known_at - INTERVAL 1 MICROSECOND) + INTERVAL 1 HOUR AS first_hour,
    count(*) AS flights,
    count(*) FILTER (delay > 15) AS late,
    sum(delay) AS delay
  FROM silver.flights
  WHERE delay_known_at IS NOT NULL
  GROUP BY ALL
)
SELECT
  origin,
  first_hour + to_hours(age) AS hour,
  hour AS known_at,
  sum(late) / sum(flights) AS late_rate_24h,
  sum(late) FILTER (age < 6) / sum(flights) FILTER (age < 6) AS late_rate_6h,
  sum(delay) FILTER (age < 6) / sum(flights) FILTER (age < 6) AS mean_delay_6h,
  sum(flights)::INTEGER AS flights_24h
FROM landed, (SELECT range::INTEGER AS age FROM range(24))
GROUP BY origin, hour
