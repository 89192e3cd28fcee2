import { describe, expect, test } from "bun:test"
import { scanPromql } from "./promql.ts"

const metrics = (expression: string) => scanPromql(expression).metrics

describe("the metrics that an expression names", () => {
  test("are bare names, with and without matchers, ranges and offsets", () => {
    expect(metrics("up == 0")).toEqual(["up"])
    expect(metrics('a:b:rate5m{job="x"} > on (instance) c_total[5m:30s] offset -1h @ 1609746000')).toEqual([
      "a:b:rate5m",
      "c_total",
    ])
    expect(metrics("rate(a_total[5m]) / rate(b_total[5m]) > 0.25 and up")).toEqual(["a_total", "b_total", "up"])
  })

  test("are no functions, aggregations, grouping labels or keywords", () => {
    const p99 = "histogram_quantile(0.99, sum by (le, instance) (rate(etcd_disk_seconds_bucket[1m]))) > 0.25"
    expect(metrics(p99)).toEqual(["etcd_disk_seconds_bucket"])
    expect(metrics("sum(a) by (b) * on (c) group_left (d, e) f or vector(1) unless g == bool 1")).toEqual([
      "a",
      "f",
      "g",
    ])
    expect(metrics("COUNT WITHOUT (x) (a) > Inf or NaN")).toEqual(["a"])
    expect(metrics("topk(3, a) @ end() ^ 1e3 % 0x1F + .5")).toEqual(["a"])
  })

  test("may be said by a matcher of __name__, or quoted", () => {
    expect(metrics('{__name__="a", job=~"b.*"} > 1')).toEqual(["a"])
    expect(metrics(`{"my.metric", job='x'} + {job="y", "other metric"}`)).toEqual(["my.metric", "other metric"])
    expect(metrics('{__name__=~"a.*"}')).toEqual([])
    expect(metrics('{__name__!="a", "job"="x"}')).toEqual([])
  })

  test("are not looked for in strings and comments", () => {
    expect(metrics('label_replace(a{x="b # c"}, "d", "$1", "e", "(f)") # and g')).toEqual(["a"])
    expect(metrics("a{x='it\\'s b'} + # half of it\n  c")).toEqual(["a", "c"])
    expect(metrics("vector(1) > 0")).toEqual([])
  })
})

test("brackets and strings that do not match are a problem", () => {
  const problem = (expression: string) => scanPromql(expression).problem
  expect(problem("sum(rate(a[5m])) > 1")).toBeUndefined()
  expect(problem("sum(rate(a[5m]) > 1")).toBe('")" is missing')
  expect(problem("a > 1)")).toBe('")" closes nothing')
  expect(problem("a{b=[}")).toBe('"}" closes nothing')
  expect(problem('a{b="c}')).toBe("a string that begins at character 5 has no end")
})
