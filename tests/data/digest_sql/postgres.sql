WITH digest_texts AS (
  SELECT
    CAST("user_id" AS TEXT) AS t0,
    REPLACE(REPLACE(CAST("invoice" AS TEXT), '~', '~0'), '/', '~1') || '/' || REPLACE(REPLACE(CAST("stock" AS TEXT), '~', '~0'), '/', '~1') AS t1,
    CAST(FLOOR(CAST(FLOOR(EXTRACT(EPOCH FROM "event_time") * 1000000) AS NUMERIC) / 1000) AS TEXT) AS t2,
    CAST((CAST("day" AS DATE) - DATE '1970-01-01') AS TEXT) AS t3,
    CAST("event_properties" AS TEXT) AS t4,
    CAST(FLOOR(EXTRACT(EPOCH FROM "local") * 1000000) AS TEXT) AS t5,
    CAST(TRIM_SCALE(CAST("n" AS NUMERIC)) AS TEXT) AS t6,
    CASE WHEN "ok" THEN 'true' WHEN NOT "ok" THEN 'false' END AS t7,
    CAST("plan" AS TEXT) AS t8,
    CAST(TRIM_SCALE(CAST("price" AS NUMERIC)) AS TEXT) AS t9,
    CAST("quoted ""name""" AS TEXT) AS t10,
    CAST(TRIM_SCALE(CAST("rate" AS NUMERIC)) AS TEXT) AS t11,
    ENCODE("raw", 'hex') AS t12,
    CASE WHEN ABS(CAST("score" AS DOUBLE PRECISION)) < CAST(9000000000 AS DOUBLE PRECISION) THEN CAST(CAST(FLOOR(CAST("score" AS DOUBLE PRECISION) * CAST(1000000 AS DOUBLE PRECISION) + CAST(0.5 AS DOUBLE PRECISION)) AS BIGINT) AS TEXT) WHEN CAST("score" AS DOUBLE PRECISION) IS NOT NULL THEN '!' END AS t13,
    CAST(FLOOR(EXTRACT(EPOCH FROM "seen") * 1000000) AS TEXT) AS t14
  FROM shop.events
),
digest_hashes AS (
  SELECT
    CASE WHEN t0 <> '' AND t1 <> '' AND t2 IS NOT NULL THEN MD5(CONVERT_TO(t0, 'UTF8')) END AS u,
    MD5(CONVERT_TO(COALESCE(CAST(OCTET_LENGTH(CONVERT_TO(t0, 'UTF8')) AS TEXT) || ':' || t0, '-')
      || COALESCE(CAST(OCTET_LENGTH(CONVERT_TO(t1, 'UTF8')) AS TEXT) || ':' || t1, '-')
      || COALESCE(CAST(OCTET_LENGTH(CONVERT_TO(t2, 'UTF8')) AS TEXT) || ':' || t2, '-')
      || COALESCE(CAST(OCTET_LENGTH(CONVERT_TO(t3, 'UTF8')) AS TEXT) || ':' || t3, '-')
      || COALESCE(CAST(OCTET_LENGTH(CONVERT_TO(t4, 'UTF8')) AS TEXT) || ':' || t4, '-')
      || COALESCE(CAST(OCTET_LENGTH(CONVERT_TO(t5, 'UTF8')) AS TEXT) || ':' || t5, '-')
      || COALESCE(CAST(OCTET_LENGTH(CONVERT_TO(t6, 'UTF8')) AS TEXT) || ':' || t6, '-')
      || COALESCE(CAST(OCTET_LENGTH(CONVERT_TO(t7, 'UTF8')) AS TEXT) || ':' || t7, '-')
      || COALESCE(CAST(OCTET_LENGTH(CONVERT_TO(t8, 'UTF8')) AS TEXT) || ':' || t8, '-')
      || COALESCE(CAST(OCTET_LENGTH(CONVERT_TO(t9, 'UTF8')) AS TEXT) || ':' || t9, '-')
      || COALESCE(CAST(OCTET_LENGTH(CONVERT_TO(t10, 'UTF8')) AS TEXT) || ':' || t10, '-')
      || COALESCE(CAST(OCTET_LENGTH(CONVERT_TO(t11, 'UTF8')) AS TEXT) || ':' || t11, '-')
      || COALESCE(CAST(OCTET_LENGTH(CONVERT_TO(t12, 'UTF8')) AS TEXT) || ':' || t12, '-')
      || COALESCE(CAST(OCTET_LENGTH(CONVERT_TO(t13, 'UTF8')) AS TEXT) || ':' || t13, '-')
      || COALESCE(CAST(OCTET_LENGTH(CONVERT_TO(t14, 'UTF8')) AS TEXT) || ':' || t14, '-'), 'UTF8')) AS h
  FROM digest_texts
),
digest_words AS (
  SELECT
    CASE WHEN u IS NULL THEN -1 ELSE CAST(CAST('x' || SUBSTR(u, 1, 4) AS BIT(16)) AS BIGINT) END AS b,
    CAST(CAST('x' || SUBSTR(h, 1, 8) AS BIT(32)) AS BIGINT) AS w0,
    CAST(CAST('x' || SUBSTR(h, 9, 8) AS BIT(32)) AS BIGINT) AS w1,
    CAST(CAST('x' || SUBSTR(h, 17, 8) AS BIT(32)) AS BIGINT) AS w2,
    CAST(CAST('x' || SUBSTR(h, 25, 8) AS BIT(32)) AS BIGINT) AS w3
  FROM digest_hashes
)
SELECT -2 AS bucket, 0 AS "rows", '{"version":1,"precision":"ms","columns":[["day","date"],["event_properties","text"],["local","timestamp"],["n","number"],["ok","bool"],["plan","text"],["price","number"],["quoted \"name\"","text"],["rate","number"],["raw","bytes"],["score","float6"],["seen","timestamp"]],"table":{"engine":"postgres","name":"shop.events","columns":{"insert_id":["invoice","stock"]},"event_time":"timestamp"}}' AS digest
UNION ALL
SELECT b, COUNT(*), CAST(SUM(w0) AS TEXT)
  || '-' || CAST(SUM(w1) AS TEXT)
  || '-' || CAST(SUM(w2) AS TEXT)
  || '-' || CAST(SUM(w3) AS TEXT)
FROM digest_words
GROUP BY b
ORDER BY 1
