// Put in front of every component's script: where the app's own files lie, however it is mounted.
const base = () => {
  const script = document.querySelector('script[src*="static/js/"]');
  return script ? script.src.split("static/js/")[0] : document.baseURI;
};
const address = (path) => new URL(path.replace(/^\//, ""), base()).href;
