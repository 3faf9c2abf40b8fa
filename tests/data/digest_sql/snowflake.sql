WITH digest_texts AS (
  SELECT
    TO_VARCHAR("USER_ID") AS t0,
    REPLACE(REPLACE(TO_VARCHAR("invoice"), '~', '~0'), '/', '~1') || '/' || REPLACE(REPLACE(TO_VARCHAR("stock"), '~', '~0'), '/', '~1') AS t1,
    TO_VARCHAR(CAST(FLOOR(CAST(FLOOR(DATE_PART(EPOCH_NANOSECOND, "EVENT_TIME") / 1000) AS NUMBER(38, 0)) / 1000) AS NUMBER(38, 0))) AS t2,
    TO_VARCHAR(DATEDIFF(DAY, DATE '1970-01-01', CAST("DAY" AS DATE))) AS t3,
    TO_VARCHAR("EVENT_PROPERTIES") AS t4,
    TO_VARCHAR(CAST(FLOOR(DATE_PART(EPOCH_NANOSECOND, "LOCAL") / 1000) AS NUMBER(38, 0))) AS t5,
    CASE WHEN TO_VARCHAR("N") LIKE '%.%' THEN RTRIM(RTRIM(TO_VARCHAR("N"), '0'), '.') ELSE TO_VARCHAR("N") END AS t6,
    CASE WHEN "OK" THEN 'true' WHEN NOT "OK" THEN 'false' END AS t7,
    TO_VARCHAR("PLAN") AS t8,
    CASE WHEN TO_VARCHAR("PRICE") LIKE '%.%' THEN RTRIM(RTRIM(TO_VARCHAR("PRICE"), '0'), '.') ELSE TO_VARCHAR("PRICE") END AS t9,
    TO_VARCHAR("quoted ""name""") AS t10,
    CASE WHEN TO_VARCHAR("RATE") LIKE '%.%' THEN RTRIM(RTRIM(TO_VARCHAR("RATE"), '0'), '.') ELSE TO_VARCHAR("RATE") END AS t11,
    HEX_ENCODE("RAW", 0) AS t12,
    CASE WHEN ABS(CAST("SCORE" AS DOUBLE)) < CAST(9000000000 AS DOUBLE) THEN TO_VARCHAR(CAST(FLOOR(CAST("SCORE" AS DOUBLE) * CAST(1000000 AS DOUBLE) + CAST(0.5 AS DOUBLE)) AS NUMBER(38, 0))) WHEN CAST("SCORE" AS DOUBLE) IS NOT NULL THEN '!' END AS t13,
    TO_VARCHAR(CAST(FLOOR(DATE_PART(EPOCH_NANOSECOND, "SEEN") / 1000) AS NUMBER(38, 0))) AS t14
  FROM shop.events
),
digest_hashes AS (
  SELECT
    CASE WHEN t0 <> '' AND t1 <> '' AND t2 IS NOT NULL THEN MD5(t0) END AS u,
    MD5(COALESCE(TO_VARCHAR(OCTET_LENGTH(t0)) || ':' || t0, '-')
      || COALESCE(TO_VARCHAR(OCTET_LENGTH(t1)) || ':' || t1, '-')
      || COALESCE(TO_VARCHAR(OCTET_LENGTH(t2)) || ':' || t2, '-')
      || COALESCE(TO_VARCHAR(OCTET_LENGTH(t3)) || ':' || t3, '-')
      || COALESCE(TO_VARCHAR(OCTET_LENGTH(t4)) || ':' || t4, '-')
      || COALESCE(TO_VARCHAR(OCTET_LENGTH(t5)) || ':' || t5, '-')
      || COALESCE(TO_VARCHAR(OCTET_LENGTH(t6)) || ':' || t6, '-')
      || COALESCE(TO_VARCHAR(OCTET_LENGTH(t7)) || ':' || t7, '-')
      || COALESCE(TO_VARCHAR(OCTET_LENGTH(t8)) || ':' || t8, '-')
      || COALESCE(TO_VARCHAR(OCTET_LENGTH(t9)) || ':' || t9, '-')
      || COALESCE(TO_VARCHAR(OCTET_LENGTH(t10)) || ':' || t10, '-')
      || COALESCE(TO_VARCHAR(OCTET_LENGTH(t11)) || ':' || t11, '-')
      || COALESCE(TO_VARCHAR(OCTET_LENGTH(t12)) || ':' || t12, '-')
      || COALESCE(TO_VARCHAR(OCTET_LENGTH(t13)) || ':' || t13, '-')
      || COALESCE(TO_VARCHAR(OCTET_LENGTH(t14)) || ':' || t14, '-')) AS h
  FROM digest_texts
),
digest_words AS (
  SELECT
    CASE WHEN u IS NULL THEN -1 ELSE TO_NUMBER(SUBSTR(u, 1, 4), 'XXXX') END AS b,
    TO_NUMBER(SUBSTR(h, 1, 8), 'XXXXXXXX') AS w0,
    TO_NUMBER(SUBSTR(h, 9, 8), 'XXXXXXXX') AS w1,
    TO_NUMBER(SUBSTR(h, 17, 8), 'XXXXXXXX') AS w2,
    TO_NUMBER(SUBSTR(h, 25, 8), 'XXXXXXXX') AS w3
  FROM digest_hashes
)
SELECT -2 AS bucket, 0 AS "rows", '{"version":1,"precision":"ms","columns":[["day","date"],["event_properties","text"],["local","timestamp"],["n","number"],["ok","bool"],["plan","text"],["price","number"],["quoted \\"name\\"","text"],["rate","number"],["raw","bytes"],["score","float6"],["seen","timestamp"]],"table":{"engine":"snowflake","name":"shop.events","columns":{"insert_id":["invoice","stock"]},"event_time":"timestamp"}}' AS digest
UNION ALL
SELECT b, COUNT(*), TO_VARCHAR(SUM(w0))
  || '-' || TO_VARCHAR(SUM(w1))
  || '-' || TO_VARCHAR(SUM(w2))
  || '-' || TO_VARCHAR(SUM(w3))
FROM digest_words
GROUP BY b
ORDER BY 1
