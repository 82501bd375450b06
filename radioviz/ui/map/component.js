// Streamlit sends this script again with every change of data, so it only loads the bundle, which
// is served once under the hash of its content.
export default async (component) =>
  (await import(address(component.data.bundle)))[component.data.draws](component);
