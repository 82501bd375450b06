// Aladin Lite with the galaxies of the data set; clicks and selections go back to the page.
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const place = parentElement.querySelector('.sky');
  const said = parentElement.querySelector('output');
  const own = place.own || (place.own = { viewer: null, loading: null, survey: null, layers: [] });

  const draw = (A) => {
    const { viewer } = own;
    for (const layer of own.layers) viewer.removeOverlay(layer);
    const plain = A.catalog({ name: 'Galaxies', color: '#38BDF8', sourceSize: 12, shape: 'circle' });
    const chosen = A.catalog({ name: 'Selected', color: '#F59E0B', sourceSize: 14, shape: 'circle' });
    const here = A.catalog({ name: 'This galaxy', color: '#FB7185', sourceSize: 20, shape: 'cross' });
    own.layers = [plain, chosen, here];
    for (const layer of own.layers) viewer.addCatalog(layer);
    for (const [ra, dec, id, selected] of data.sources) {
      const layer = id === data.focus ? here : selected ? chosen : plain;
      layer.addSources([A.source(ra, dec, { id })]);
    }
    place.dataset.sources = data.sources.length;
  };

  // The radio image itself is a HiPS of the app; others are named by their identifier.
  const wanted = data.hips || data.survey;
  const survey = (A) => (data.hips
    ? A.HiPS(address(data.hips), { name: 'Radio image', imgFormat: 'fits', colormap: 'inferno', stretch: 'asinh' })
    : data.survey);

  const open = async () => {
    const A = (await import(data.local ? address(data.script) : data.script)).default;
    await A.init;
    if (!own.viewer) {
      own.viewer = A.aladin(place, {
        target: `${data.ra} ${data.dec}`, fov: data.field, cooFrame: 'ICRS', projection: 'TAN',
        survey: survey(A), showCooGridControl: true, showSimbadPointerControl: false,
        showShareControl: false, showContextMenu: false, expandLayersControl: false, log: false,
      });
      own.viewer.on('objectClicked', (object) => {
        if (object && object.data && object.data.id) setTriggerValue('pick', { kind: 'click', id: object.data.id });
      });
      own.viewer.on('objectsSelected', (groups) => {
        const ids = groups.flat().map((object) => object.data && object.data.id).filter(Boolean);
        setTriggerValue('pick', { kind: 'select', ids });
      });
    } else {
      own.viewer.gotoRaDec(data.ra, data.dec);
      if (own.survey !== wanted) own.viewer.setBaseImageLayer(survey(A));
    }
    own.survey = wanted;
    draw(A);
    place.dataset.ready = data.focus;
    said.textContent = '';
  };

  own.loading = (own.loading || Promise.resolve()).then(open).catch((error) => {
    said.textContent = `The viewer cannot be shown: ${error && error.message ? error.message : error}. `
      + (data.local ? 'It needs WebGL 2.' : 'It needs a network, or `radioviz sky-viewer`, and WebGL 2.');
  });
}
