// Catalogued functions on numbers.
import type { CataloguedFunction } from "./catalogued-function";

import { CALCULATOR } from "./function-calculator";

export const CALCULATIONS: CataloguedFunction[] = [
  {
    id: "fibonacci",
    pattern: /fibonacci/,
    about: "Gives the first n Fibonacci numbers.",
    params: [{ name: "n", type: "integer" }],
    python: `from PACKAGE.errors import Invalid


def fibonacci(n):
    if n < 0:
        raise Invalid("n must not be negative.")
    numbers = [0, 1]
    while len(numbers) < n:
        numbers.append(numbers[-1] + numbers[-2])
    return numbers[:n]
`,
    node: `import { AppError } from "ERRORS";

export function fibonacci(n) {
  if (n < 0) throw new AppError("invalid", "n must not be negative.");
  const numbers = [0, 1];
  while (numbers.length < n) numbers.push(numbers.at(-1) + numbers.at(-2));
  return numbers.slice(0, n);
}
`,
    examples: [
      { args: [7], result: [0, 1, 1, 2, 3, 5, 8] },
      { args: [1], result: [0] },
      { args: [0], result: [] },
      { args: [-1] },
    ],
    bug: {
      python: ["[0, 1]", "[1, 1]"],
      node: ["[0, 1]", "[1, 1]"],
      why: "the sequence began with one instead of zero",
    },
  },
  {
    id: "prime_factors",
    pattern: /\bprim[eo]/,
    about: "Splits a whole number from 2 upwards into its prime factors.",
    params: [{ name: "n", type: "integer" }],
    python: `from PACKAGE.errors import Invalid


def prime_factors(n):
    if n < 2:
        raise Invalid("n must be at least 2.")
    factors = []
    divisor = 2
    while divisor * divisor <= n:
        while n % divisor == 0:
            factors.append(divisor)
            n //= divisor
        divisor += 1
    return [*factors, n] if n > 1 else factors
`,
    node: `import { AppError } from "ERRORS";

export function primeFactors(n) {
  if (n < 2) throw new AppError("invalid", "n must be at least 2.");
  const factors = [];
  let rest = n;
  for (let divisor = 2; divisor * divisor <= rest; divisor += 1) {
    while (rest % divisor === 0) {
      factors.push(divisor);
      rest /= divisor;
    }
  }
  return rest > 1 ? [...factors, rest] : factors;
}
`,
    examples: [
      { args: [60], result: [2, 2, 3, 5] },
      { args: [97], result: [97] },
      { args: [49], result: [7, 7] },
      { args: [1] },
    ],
    bug: {
      python: ["divisor * divisor <= n", "divisor * divisor < n"],
      node: ["divisor * divisor <= rest", "divisor * divisor < rest"],
      why: "squares of primes were taken for primes, because the last divisor was not tried",
    },
  },
  {
    id: "factorial",
    pattern: /factorial|fatorial|fakultat|factorielle|阶乘/,
    about: "Multiplies all whole numbers from 1 to n.",
    params: [{ name: "n", type: "integer" }],
    python: `from PACKAGE.errors import Invalid


def factorial(n):
    if n < 0:
        raise Invalid("n must not be negative.")
    product = 1
    for number in range(2, n + 1):
        product *= number
    return product
`,
    node: `import { AppError } from "ERRORS";

export function factorial(n) {
  if (n < 0) throw new AppError("invalid", "n must not be negative.");
  let product = 1;
  for (let number = 2; number <= n; number += 1) product *= number;
  return product;
}
`,
    examples: [
      { args: [5], result: 120 },
      { args: [0], result: 1 },
      { args: [1], result: 1 },
      { args: [-3] },
    ],
    bug: {
      python: ["range(2, n + 1)", "range(2, n)"],
      node: ["number <= n", "number < n"],
      why: "the last factor was left out",
    },
  },
  {
    id: "to_roman",
    pattern: /roman|romisch|罗马/,
    about: "Writes a whole number from 1 to 3999 in Roman numerals.",
    params: [{ name: "number", type: "integer" }],
    python: `from PACKAGE.errors import Invalid

SIGNS = (
    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"),
    (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
)


def to_roman(number):
    if not 1 <= number <= 3999:
        raise Invalid("The number must be between 1 and 3999.")
    text = ""
    for value, sign in SIGNS:
        text += sign * (number // value)
        number %= value
    return text
`,
    node: `import { AppError } from "ERRORS";

const SIGNS = [
  [1000, "M"], [900, "CM"], [500, "D"], [400, "CD"], [100, "C"], [90, "XC"],
  [50, "L"], [40, "XL"], [10, "X"], [9, "IX"], [5, "V"], [4, "IV"], [1, "I"],
];

export function toRoman(number) {
  if (number < 1 || number > 3999) {
    throw new AppError("invalid", "The number must be between 1 and 3999.");
  }
  let rest = number;
  let text = "";
  for (const [value, sign] of SIGNS) {
    text += sign.repeat(Math.floor(rest / value));
    rest %= value;
  }
  return text;
}
`,
    examples: [
      { args: [1994], result: "MCMXCIV" },
      { args: [4], result: "IV" },
      { args: [3999], result: "MMMCMXCIX" },
      { args: [0] },
      { args: [4000] },
    ],
    bug: {
      python: ['(4, "IV"), ', ""],
      node: ['[4, "IV"], ', ""],
      why: "the sign for four was missing, so IIII was written",
    },
  },
  {
    id: "convert_temperature",
    pattern: /temperatur|celsius|fahrenheit|温度/,
    about: "Converts a temperature between C, F and K.",
    params: [
      { name: "value", type: "number" },
      { name: "source", type: "text" },
      { name: "target", type: "text" },
    ],
    python: `from PACKAGE.errors import Invalid

TO_CELSIUS = {"C": lambda t: t, "F": lambda t: (t - 32) * 5 / 9, "K": lambda t: t - 273.15}
FROM_CELSIUS = {"C": lambda t: t, "F": lambda t: t * 9 / 5 + 32, "K": lambda t: t + 273.15}


def convert_temperature(value, source, target):
    if source not in TO_CELSIUS or target not in FROM_CELSIUS:
        raise Invalid("Units are C, F and K.")
    celsius = TO_CELSIUS[source](value)
    if celsius < -273.15:
        raise Invalid("There is nothing colder than absolute zero.")
    return round(FROM_CELSIUS[target](celsius), 2)
`,
    node: `import { AppError } from "ERRORS";

const TO_CELSIUS = { C: (t) => t, F: (t) => ((t - 32) * 5) / 9, K: (t) => t - 273.15 };
const FROM_CELSIUS = { C: (t) => t, F: (t) => (t * 9) / 5 + 32, K: (t) => t + 273.15 };

export function convertTemperature(value, source, target) {
  if (!Object.hasOwn(TO_CELSIUS, source) || !Object.hasOwn(FROM_CELSIUS, target)) {
    throw new AppError("invalid", "Units are C, F and K.");
  }
  const celsius = TO_CELSIUS[source](value);
  if (celsius < -273.15) throw new AppError("invalid", "There is nothing colder than absolute zero.");
  return Math.round(FROM_CELSIUS[target](celsius) * 100) / 100;
}
`,
    examples: [
      { args: [100, "C", "F"], result: 212 },
      { args: [32, "F", "C"], result: 0 },
      { args: [0, "K", "C"], result: -273.15 },
      { args: [1, "C", "X"] },
      { args: [-1, "K", "C"] },
    ],
    bug: {
      python: ["t * 9 / 5 + 32", "t * 9 / 5"],
      node: ["(t * 9) / 5 + 32", "(t * 9) / 5"],
      why: "the offset of 32 degrees was forgotten",
    },
  },
  CALCULATOR,
];
