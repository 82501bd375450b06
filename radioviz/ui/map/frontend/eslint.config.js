// Rules for the scripts beside the Python modules of radioviz/ui, run by `npm run lint`.
const browser = [
  "window", "document", "location", "localStorage", "navigator", "console", "performance", "fetch",
  "URL", "Blob", "Element",
  "Image", "DOMParser", "XMLSerializer", "ResizeObserver", "IntersectionObserver",
  "MutationObserver", "getComputedStyle", "matchMedia", "requestAnimationFrame",
  "cancelAnimationFrame", "setTimeout", "clearTimeout", "setInterval", "clearInterval",
];
// Defined in media_address.js, which stands before every script.
const shared = ["base", "address"];

export default [
  { ignores: ["map/map.js", "map/frontend/**"] },
  {
    languageOptions: {
      ecmaVersion: 2023,
      sourceType: "module",
      globals: Object.fromEntries([...browser, ...shared].map((name) => [name, "readonly"])),
    },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "no-undef": "error",
      "no-unused-vars": ["error", { varsIgnorePattern: `^(${shared.join("|")})$` }],
      "no-const-assign": "error",
      "no-dupe-keys": "error",
      "no-redeclare": "error",
      "no-shadow-restricted-names": "error",
      "no-self-assign": "error",
      "no-unreachable": "error",
      "no-unsafe-finally": "error",
      "no-var": "error",
      "prefer-const": "error",
      "use-isnan": "error",
      "valid-typeof": "error",
      eqeqeq: ["error", "always", { null: "ignore" }],
    },
  },
];
