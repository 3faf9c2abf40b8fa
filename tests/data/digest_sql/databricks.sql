WITH digest_texts AS (
  SELECT
    CAST(`user_id` AS STRING) AS t0,
    REPLACE(REPLACE(CAST(`invoice` AS STRING), '~', '~0'), '/', '~1') || '/' || REPLACE(REPLACE(CAST(`stock` AS STRING), '~', '~0'), '/', '~1') AS t1,
    CAST(((UNIX_MICROS(`event_time`) - PMOD(UNIX_MICROS(`event_time`), 1000)) DIV 1000) AS STRING) AS t2,
    CAST(UNIX_DATE(CAST(`day` AS DATE)) AS STRING) AS t3,
    CAST(`event_properties` AS STRING) AS t4,
    CAST(UNIX_MICROS(`local`) AS STRING) AS t5,
    CASE WHEN CASE WHEN CAST(`n` AS STRING) LIKE '%E%' THEN REPLACE(FORMAT_NUMBER(`n`, 38), ',', '') ELSE CAST(`n` AS STRING) END LIKE '%.%' THEN TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM CASE WHEN CAST(`n` AS STRING) LIKE '%E%' THEN REPLACE(FORMAT_NUMBER(`n`, 38), ',', '') ELSE CAST(`n` AS STRING) END)) ELSE CASE WHEN CAST(`n` AS STRING) LIKE '%E%' THEN REPLACE(FORMAT_NUMBER(`n`, 38), ',', '') ELSE CAST(`n` AS STRING) END END AS t6,
    CASE WHEN `ok` THEN 'true' WHEN NOT `ok` THEN 'false' END AS t7,
    CAST(`plan` AS STRING) AS t8,
    CASE WHEN CASE WHEN CAST(`price` AS STRING) LIKE '%E%' THEN REPLACE(FORMAT_NUMBER(`price`, 38), ',', '') ELSE CAST(`price` AS STRING) END LIKE '%.%' THEN TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM CASE WHEN CAST(`price` AS STRING) LIKE '%E%' THEN REPLACE(FORMAT_NUMBER(`price`, 38), ',', '') ELSE CAST(`price` AS STRING) END)) ELSE CASE WHEN CAST(`price` AS STRING) LIKE '%E%' THEN REPLACE(FORMAT_NUMBER(`price`, 38), ',', '') ELSE CAST(`price` AS STRING) END END AS t9,
    CAST(`quoted "name"` AS STRING) AS t10,
    CASE WHEN CASE WHEN CAST(`rate` AS STRING) LIKE '%E%' THEN REPLACE(FORMAT_NUMBER(`rate`, 38), ',', '') ELSE CAST(`rate` AS STRING) END LIKE '%.%' THEN TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM CASE WHEN CAST(`rate` AS STRING) LIKE '%E%' THEN REPLACE(FORMAT_NUMBER(`rate`, 38), ',', '') ELSE CAST(`rate` AS STRING) END)) ELSE CASE WHEN CAST(`rate` AS STRING) LIKE '%E%' THEN REPLACE(FORMAT_NUMBER(`rate`, 38), ',', '') ELSE CAST(`rate` AS STRING) END END AS t11,
    LOWER(HEX(`raw`)) AS t12,
    CASE WHEN ABS(CAST(`score` AS DOUBLE)) < CAST(9000000000 AS DOUBLE) THEN CAST(CAST(FLOOR(CAST(`score` AS DOUBLE) * CAST(1000000 AS DOUBLE) + CAST(0.5 AS DOUBLE)) AS BIGINT) AS STRING) WHEN CAST(`score` AS DOUBLE) IS NOT NULL THEN '!' END AS t13,
    CAST(UNIX_MICROS(`seen`) AS STRING) AS t14
  FROM shop.events
),
digest_hashes AS (
  SELECT
    CASE WHEN t0 <> '' AND t1 <> '' AND t2 IS NOT NULL THEN MD5(CAST(t0 AS BINARY)) END AS u,
    MD5(CAST(COALESCE(CAST(OCTET_LENGTH(t0) AS STRING) || ':' || t0, '-')
      || COALESCE(CAST(OCTET_LENGTH(t1) AS STRING) || ':' || t1, '-')
      || COALESCE(CAST(OCTET_LENGTH(t2) AS STRING) || ':' || t2, '-')
      || COALESCE(CAST(OCTET_LENGTH(t3) AS STRING) || ':' || t3, '-')
      || COALESCE(CAST(OCTET_LENGTH(t4) AS STRING) || ':' || t4, '-')
      || COALESCE(CAST(OCTET_LENGTH(t5) AS STRING) || ':' || t5, '-')
      || COALESCE(CAST(OCTET_LENGTH(t6) AS STRING) || ':' || t6, '-')
      || COALESCE(CAST(OCTET_LENGTH(t7) AS STRING) || ':' || t7, '-')
      || COALESCE(CAST(OCTET_LENGTH(t8) AS STRING) || ':' || t8, '-')
      || COALESCE(CAST(OCTET_LENGTH(t9) AS STRING) || ':' || t9, '-')
      || COALESCE(CAST(OCTET_LENGTH(t10) AS STRING) || ':' || t10, '-')
      || COALESCE(CAST(OCTET_LENGTH(t11) AS STRING) || ':' || t11, '-')
      || COALESCE(CAST(OCTET_LENGTH(t12) AS STRING) || ':' || t12, '-')
      || COALESCE(CAST(OCTET_LENGTH(t13) AS STRING) || ':' || t13, '-')
      || COALESCE(CAST(OCTET_LENGTH(t14) AS STRING) || ':' || t14, '-') AS BINARY)) AS h
  FROM digest_texts
),
digest_words AS (
  SELECT
    CASE WHEN u IS NULL THEN -1 ELSE CAST(CONV(SUBSTR(u, 1, 4), 16, 10) AS BIGINT) END AS b,
    CAST(CONV(SUBSTR(h, 1, 8), 16, 10) AS BIGINT) AS w0,
    CAST(CONV(SUBSTR(h, 9, 8), 16, 10) AS BIGINT) AS w1,
    CAST(CONV(SUBSTR(h, 17, 8), 16, 10) AS BIGINT) AS w2,
    CAST(CONV(SUBSTR(h, 25, 8), 16, 10) AS BIGINT) AS w3
  FROM digest_hashes
)
SELECT -2 AS bucket, 0 AS `rows`, '{"version":1,"precision":"ms","columns":[["day","date"],["event_properties","text"],["local","timestamp"],["n","number"],["ok","bool"],["plan","text"],["price","number"],["quoted \\"name\\"","text"],["rate","number"],["raw","bytes"],["score","float6"],["seen","timestamp"]],"table":{"engine":"databricks","name":"shop.events","columns":{"insert_id":["invoice","stock"]},"event_time":"timestamp"}}' AS digest
UNION ALL
SELECT b, COUNT(*), CAST(SUM(CAST(w0 AS DECIMAL(20, 0))) AS STRING)
  || '-' || CAST(SUM(CAST(w1 AS DECIMAL(20, 0))) AS STRING)
  || '-' || CAST(SUM(CAST(w2 AS DECIMAL(20, 0))) AS STRING)
  || '-' || CAST(SUM(CAST(w3 AS DECIMAL(20, 0))) AS STRING)
FROM digest_words
GROUP BY b
ORDER BY 1
