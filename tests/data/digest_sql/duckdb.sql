WITH digest_texts AS (
  SELECT
    CAST("user_id" AS VARCHAR) AS t0,
    REPLACE(REPLACE(CAST("invoice" AS VARCHAR), '~', '~0'), '/', '~1') || '/' || REPLACE(REPLACE(CAST("stock" AS VARCHAR), '~', '~0'), '/', '~1') AS t1,
    CAST(((EPOCH_US("event_time") - (EPOCH_US("event_time") % 1000 + 1000) % 1000) // 1000) AS VARCHAR) AS t2,
    CAST((CAST("day" AS DATE) - DATE '1970-01-01') AS VARCHAR) AS t3,
    CAST("event_properties" AS VARCHAR) AS t4,
    CAST(EPOCH_US("local") AS VARCHAR) AS t5,
    CASE WHEN CASE WHEN CAST("n" AS VARCHAR) LIKE '.%' THEN '0' || CAST("n" AS VARCHAR) WHEN CAST("n" AS VARCHAR) LIKE '-.%' THEN '-0' || SUBSTR(CAST("n" AS VARCHAR), 2) ELSE CAST("n" AS VARCHAR) END LIKE '%.%' THEN RTRIM(RTRIM(CASE WHEN CAST("n" AS VARCHAR) LIKE '.%' THEN '0' || CAST("n" AS VARCHAR) WHEN CAST("n" AS VARCHAR) LIKE '-.%' THEN '-0' || SUBSTR(CAST("n" AS VARCHAR), 2) ELSE CAST("n" AS VARCHAR) END, '0'), '.') ELSE CASE WHEN CAST("n" AS VARCHAR) LIKE '.%' THEN '0' || CAST("n" AS VARCHAR) WHEN CAST("n" AS VARCHAR) LIKE '-.%' THEN '-0' || SUBSTR(CAST("n" AS VARCHAR), 2) ELSE CAST("n" AS VARCHAR) END END AS t6,
    CASE WHEN "ok" THEN 'true' WHEN NOT "ok" THEN 'false' END AS t7,
    CAST("plan" AS VARCHAR) AS t8,
    CASE WHEN CASE WHEN CAST("price" AS VARCHAR) LIKE '.%' THEN '0' || CAST("price" AS VARCHAR) WHEN CAST("price" AS VARCHAR) LIKE '-.%' THEN '-0' || SUBSTR(CAST("price" AS VARCHAR), 2) ELSE CAST("price" AS VARCHAR) END LIKE '%.%' THEN RTRIM(RTRIM(CASE WHEN CAST("price" AS VARCHAR) LIKE '.%' THEN '0' || CAST("price" AS VARCHAR) WHEN CAST("price" AS VARCHAR) LIKE '-.%' THEN '-0' || SUBSTR(CAST("price" AS VARCHAR), 2) ELSE CAST("price" AS VARCHAR) END, '0'), '.') ELSE CASE WHEN CAST("price" AS VARCHAR) LIKE '.%' THEN '0' || CAST("price" AS VARCHAR) WHEN CAST("price" AS VARCHAR) LIKE '-.%' THEN '-0' || SUBSTR(CAST("price" AS VARCHAR), 2) ELSE CAST("price" AS VARCHAR) END END AS t9,
    CAST("quoted ""name""" AS VARCHAR) AS t10,
    CASE WHEN CASE WHEN CAST("rate" AS VARCHAR) LIKE '.%' THEN '0' || CAST("rate" AS VARCHAR) WHEN CAST("rate" AS VARCHAR) LIKE '-.%' THEN '-0' || SUBSTR(CAST("rate" AS VARCHAR), 2) ELSE CAST("rate" AS VARCHAR) END LIKE '%.%' THEN RTRIM(RTRIM(CASE WHEN CAST("rate" AS VARCHAR) LIKE '.%' THEN '0' || CAST("rate" AS VARCHAR) WHEN CAST("rate" AS VARCHAR) LIKE '-.%' THEN '-0' || SUBSTR(CAST("rate" AS VARCHAR), 2) ELSE CAST("rate" AS VARCHAR) END, '0'), '.') ELSE CASE WHEN CAST("rate" AS VARCHAR) LIKE '.%' THEN '0' || CAST("rate" AS VARCHAR) WHEN CAST("rate" AS VARCHAR) LIKE '-.%' THEN '-0' || SUBSTR(CAST("rate" AS VARCHAR), 2) ELSE CAST("rate" AS VARCHAR) END END AS t11,
    LOWER(HEX("raw")) AS t12,
    CASE WHEN ABS(CAST("score" AS DOUBLE)) < CAST(9000000000 AS DOUBLE) THEN CAST(CAST(FLOOR(CAST("score" AS DOUBLE) * CAST(1000000 AS DOUBLE) + CAST(0.5 AS DOUBLE)) AS BIGINT) AS VARCHAR) WHEN CAST("score" AS DOUBLE) IS NOT NULL THEN '!' END AS t13,
    CAST(EPOCH_US("seen") AS VARCHAR) AS t14
  FROM shop.events
),
digest_hashes AS (
  SELECT
    CASE WHEN t0 <> '' AND t1 <> '' AND t2 IS NOT NULL THEN MD5(t0) END AS u,
    MD5(COALESCE(CAST(STRLEN(t0) AS VARCHAR) || ':' || t0, '-')
      || COALESCE(CAST(STRLEN(t1) AS VARCHAR) || ':' || t1, '-')
      || COALESCE(CAST(STRLEN(t2) AS VARCHAR) || ':' || t2, '-')
      || COALESCE(CAST(STRLEN(t3) AS VARCHAR) || ':' || t3, '-')
      || COALESCE(CAST(STRLEN(t4) AS VARCHAR) || ':' || t4, '-')
      || COALESCE(CAST(STRLEN(t5) AS VARCHAR) || ':' || t5, '-')
      || COALESCE(CAST(STRLEN(t6) AS VARCHAR) || ':' || t6, '-')
      || COALESCE(CAST(STRLEN(t7) AS VARCHAR) || ':' || t7, '-')
      || COALESCE(CAST(STRLEN(t8) AS VARCHAR) || ':' || t8, '-')
      || COALESCE(CAST(STRLEN(t9) AS VARCHAR) || ':' || t9, '-')
      || COALESCE(CAST(STRLEN(t10) AS VARCHAR) || ':' || t10, '-')
      || COALESCE(CAST(STRLEN(t11) AS VARCHAR) || ':' || t11, '-')
      || COALESCE(CAST(STRLEN(t12) AS VARCHAR) || ':' || t12, '-')
      || COALESCE(CAST(STRLEN(t13) AS VARCHAR) || ':' || t13, '-')
      || COALESCE(CAST(STRLEN(t14) AS VARCHAR) || ':' || t14, '-')) AS h
  FROM digest_texts
),
digest_words AS (
  SELECT
    CASE WHEN u IS NULL THEN -1 ELSE CAST('0x' || SUBSTR(u, 1, 4) AS BIGINT) END AS b,
    CAST('0x' || SUBSTR(h, 1, 8) AS BIGINT) AS w0,
    CAST('0x' || SUBSTR(h, 9, 8) AS BIGINT) AS w1,
    CAST('0x' || SUBSTR(h, 17, 8) AS BIGINT) AS w2,
    CAST('0x' || SUBSTR(h, 25, 8) AS BIGINT) AS w3
  FROM digest_hashes
)
SELECT -2 AS bucket, 0 AS "rows", '{"version":1,"precision":"ms","columns":[["day","date"],["event_properties","text"],["local","timestamp"],["n","number"],["ok","bool"],["plan","text"],["price","number"],["quoted \"name\"","text"],["rate","number"],["raw","bytes"],["score","float6"],["seen","timestamp"]],"table":{"engine":"duckdb","name":"shop.events","columns":{"insert_id":["invoice","stock"]},"event_time":"timestamp"}}' AS digest
UNION ALL
SELECT b, COUNT(*), CAST(SUM(w0) AS VARCHAR)
  || '-' || CAST(SUM(w1) AS VARCHAR)
  || '-' || CAST(SUM(w2) AS VARCHAR)
  || '-' || CAST(SUM(w3) AS VARCHAR)
FROM digest_words
GROUP BY b
ORDER BY 1
