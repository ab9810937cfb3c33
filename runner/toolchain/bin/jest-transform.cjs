// Lets jest read JSX, TypeScript and `import` in projects that bring no transform of their own. Babel, because it
// lifts jest.mock calls above imports as jest's documentation promises.
const babelJest = require("babel-jest").default;

function optionsFor(esm) {
  return {
    babelrc: false,
    configFile: false,
    presets: [
      [require.resolve("@babel/preset-react"), { runtime: "automatic" }],
      [require.resolve("@babel/preset-typescript"), { allowDeclareFields: true }],
    ],
    plugins: esm ? [] : [require.resolve("@babel/plugin-transform-modules-commonjs")],
    sourceType: "unambiguous",
  };
}

const transformers = {
  true: babelJest.createTransformer(optionsFor(true)),
  false: babelJest.createTransformer(optionsFor(false)),
};

module.exports = {
  canInstrument: true,
  process: (text, path, options) =>
    transformers[options.supportsStaticESM === true].process(text, path, options),
  getCacheKey: (text, path, options) =>
    transformers[options.supportsStaticESM === true].getCacheKey(text, path, options),
};
