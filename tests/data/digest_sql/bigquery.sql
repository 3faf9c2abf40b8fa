WITH digest_texts AS (
  SELECT
    CAST(`user_id` AS STRING) AS t0,
    REPLACE(REPLACE(CAST(`invoice` AS STRING), '~', '~0'), '/', '~1') || '/' || REPLACE(REPLACE(CAST(`stock` AS STRING), '~', '~0'), '/', '~1') AS t1,
    CAST(DIV(UNIX_MICROS(CAST(`event_time` AS TIMESTAMP)) - MOD(MOD(UNIX_MICROS(CAST(`event_time` AS TIMESTAMP)), 1000) + 1000, 1000), 1000) AS STRING) AS t2,
    CAST(UNIX_DATE(CAST(`day` AS DATE)) AS STRING) AS t3,
    CAST(`event_properties` AS STRING) AS t4,
    CAST(UNIX_MICROS(CAST(`local` AS TIMESTAMP)) AS STRING) AS t5,
    CASE WHEN CAST(`n` AS STRING) LIKE '%.%' THEN RTRIM(RTRIM(CAST(`n` AS STRING), '0'), '.') ELSE CAST(`n` AS STRING) END AS t6,
    CASE WHEN `ok` THEN 'true' WHEN NOT `ok` THEN 'false' END AS t7,
    CAST(`plan` AS STRING) AS t8,
    CASE WHEN CAST(`price` AS STRING) LIKE '%.%' THEN RTRIM(RTRIM(CAST(`price` AS STRING), '0'), '.') ELSE CAST(`price` AS STRING) END AS t9,
    CAST(`quoted "name"` AS STRING) AS t10,
    CASE WHEN CAST(`rate` AS STRING) LIKE '%.%' THEN RTRIM(RTRIM(CAST(`rate` AS STRING), '0'), '.') ELSE CAST(`rate` AS STRING) END AS t11,
    TO_HEX(`raw`) AS t12,
    CASE WHEN ABS(CAST(`score` AS FLOAT64)) < CAST(9000000000 AS FLOAT64) THEN CAST(CAST(FLOOR(CAST(`score` AS FLOAT64) * CAST(1000000 AS FLOAT64) + CAST(0.5 AS FLOAT64)) AS INT64) AS STRING) WHEN CAST(`score` AS FLOAT64) IS NOT NULL THEN '!' END AS t13,
    CAST(UNIX_MICROS(CAST(`seen` AS TIMESTAMP)) AS STRING) AS t14
  FROM shop.events
),
digest_hashes AS (
  SELECT
    CASE WHEN t0 <> '' AND t1 <> '' AND t2 IS NOT NULL THEN TO_HEX(MD5(t0)) END AS u,
    TO_HEX(MD5(COALESCE(CAST(BYTE_LENGTH(t0) AS STRING) || ':' || t0, '-')
      || COALESCE(CAST(BYTE_LENGTH(t1) AS STRING) || ':' || t1, '-')
      || COALESCE(CAST(BYTE_LENGTH(t2) AS STRING) || ':' || t2, '-')
      || COALESCE(CAST(BYTE_LENGTH(t3) AS STRING) || ':' || t3, '-')
      || COALESCE(CAST(BYTE_LENGTH(t4) AS STRING) || ':' || t4, '-')
      || COALESCE(CAST(BYTE_LENGTH(t5) AS STRING) || ':' || t5, '-')
      || COALESCE(CAST(BYTE_LENGTH(t6) AS STRING) || ':' || t6, '-')
      || COALESCE(CAST(BYTE_LENGTH(t7) AS STRING) || ':' || t7, '-')
      || COALESCE(CAST(BYTE_LENGTH(t8) AS STRING) || ':' || t8, '-')
      || COALESCE(CAST(BYTE_LENGTH(t9) AS STRING) || ':' || t9, '-')
      || COALESCE(CAST(BYTE_LENGTH(t10) AS STRING) || ':' || t10, '-')
      || COALESCE(CAST(BYTE_LENGTH(t11) AS STRING) || ':' || t11, '-')
      || COALESCE(CAST(BYTE_LENGTH(t12) AS STRING) || ':' || t12, '-')
      || COALESCE(CAST(BYTE_LENGTH(t13) AS STRING) || ':' || t13, '-')
      || COALESCE(CAST(BYTE_LENGTH(t14) AS STRING) || ':' || t14, '-'))) AS h
  FROM digest_texts
),
digest_words AS (
  SELECT
    CASE WHEN u IS NULL THEN -1 ELSE CAST(CONCAT('0x', SUBSTR(u, 1, 4)) AS INT64) END AS b,
    CAST(CONCAT('0x', SUBSTR(h, 1, 8)) AS INT64) AS w0,
    CAST(CONCAT('0x', SUBSTR(h, 9, 8)) AS INT64) AS w1,
    CAST(CONCAT('0x', SUBSTR(h, 17, 8)) AS INT64) AS w2,
    CAST(CONCAT('0x', SUBSTR(h, 25, 8)) AS INT64) AS w3
  FROM digest_hashes
)
SELECT -2 AS bucket, 0 AS `rows`, '{"version":1,"precision":"ms","columns":[["day","date"],["event_properties","text"],["local","timestamp"],["n","number"],["ok","bool"],["plan","text"],["price","number"],["quoted \\"name\\"","text"],["rate","number"],["raw","bytes"],["score","float6"],["seen","timestamp"]],"table":{"engine":"bigquery","name":"shop.events","columns":{"insert_id":["invoice","stock"]},"event_time":"timestamp"}}' AS digest
UNION ALL
SELECT b, COUNT(*), CAST(SUM(CAST(w0 AS NUMERIC)) AS STRING)
  || '-' || CAST(SUM(CAST(w1 AS NUMERIC)) AS STRING)
  || '-' || CAST(SUM(CAST(w2 AS NUMERIC)) AS STRING)
  || '-' || CAST(SUM(CAST(w3 AS NUMERIC)) AS STRING)
FROM digest_words
GROUP BY b
ORDER BY 1
