// Aladin Lite with the galaxies of the data set; clicks and selections go back to the page.
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const place = parentElement.querySelector('.sky');
  const tools = parentElement.querySelector('.tools');
  const said = parentElement.querySelector('output');
  const own = place.own || (place.own = { viewer: null, loading: null, drawn: {}, layers: {} });
  place.style.height = data.height;

  // Only what has changed is drawn again: a reader who moved the view keeps it.
  const changed = (name, value) => {
    const text = JSON.stringify(value);
    if (own.drawn[name] === text) return false;
    own.drawn[name] = text;
    return true;
  };
  const replace = (name, layers) => {
    for (const layer of own.layers[name] || []) own.viewer.removeOverlay(layer);
    own.layers[name] = layers;
    for (const layer of layers) own.viewer[layer.type === 'moc' ? 'addMOC' : layer.type === 'overlay' ? 'addOverlay' : 'addCatalog'](layer);
  };
  // What could not be had is asked for again when the page is drawn again.
  const got = async (name, path, kind) => {
    const answer = await fetch(address(path)).catch(() => ({ status: 'nothing' }));
    if (answer.ok) return answer[kind]();
    delete own.drawn[name];
    throw new Error(`the server answers ${answer.status} for ${name}`);
  };

  // The radio image itself is a HiPS of the app; others are named by their identifier.
  const radio = (A, opacity) => A.HiPS(address(data.hips), {
    name: 'Radio image', imgFormat: 'fits', colormap: 'inferno', stretch: 'asinh', opacity,
  });
  const survey = (A) => A.HiPS(data.survey, {
    errorCallback: () => {
      own.problem = `${data.survey} cannot be loaded from the CDS; it needs a network.`;
      said.textContent = own.problem;
      delete own.drawn.ground; // so that it is tried again when the page is drawn again
    },
  });
  const image = (layer, hips) => {
    if (hips) own.viewer.setOverlayImageLayer(hips, layer);
    else if (own.viewer.getOverlayImageLayer(layer)) own.viewer.removeImageLayer(layer);
  };
  const images = (A) => {
    const over = data.survey && data.hips && data.opacity > 0 ? [data.hips, data.opacity] : null;
    if (changed('ground', data.survey || data.hips)) {
      image('over', null); // or it would come to lie below
      image('ground', null); // or it would stay where the new one cannot be loaded
      delete own.drawn.over;
      own.problem = '';
      image('ground', data.survey ? survey(A) : data.hips ? radio(A, 1) : null);
    }
    if (changed('over', over)) image('over', over ? radio(A, data.opacity) : null);
  };

  const sources = async (A) => {
    if (changed('sources', data.sources)) {
      own.sources = data.sources ? await got('sources', data.sources, 'json') : [];
      const layer = A.catalog({ name: 'Galaxies', color: '#38BDF8', shape: 'circle',
        sourceSize: own.sources.length > 500 ? 6 : 11 });
      replace('sources', [layer]);
      layer.addSources(own.sources.map(([ra, dec, id]) => A.source(ra, dec, { id })));
      delete own.drawn.marks;
    }
    if (!changed('marks', [data.chosen, data.focus])) return;
    const chosen = A.catalog({ name: 'Selected', color: '#F59E0B', shape: 'circle',
      sourceSize: own.sources.length > 500 ? 9 : 15 });
    const here = A.catalog({ name: 'In focus', color: '#FB7185', sourceSize: 20, shape: 'cross' });
    const at = (n) => A.source(own.sources[n][0], own.sources[n][1], { id: own.sources[n][2] });
    own.viewer.selectObjects();
    replace('marks', [chosen, here]); // a layer can be filled once it is in the view
    chosen.addSources(data.chosen.map(at));
    const focus = own.sources.findIndex((s) => s[2] === data.focus);
    if (focus >= 0) here.addSources([at(focus)]);
  };

  const contours = async (A) => {
    if (!changed('lines', data.lines)) return;
    const parts = data.lines ? await got('lines', data.lines, 'json') : [];
    replace('lines', parts.map(({ name, color, dash }) => (
      A.graphicOverlay({ name, color, lineWidth: 1.3, lineDash: dash ? [4, 3] : [] }))));
    parts.forEach(({ lines }, i) => {
      for (const line of lines) own.layers.lines[i].add(A.polyline(line));
    });
  };

  const coverages = async (A) => {
    if (!changed('coverages', data.coverages)) return;
    replace('coverages', await Promise.all(data.coverages.map(async ({ name, color, moc }) => (
      A.MOCFromJSON(await got('coverages', moc, 'arrayBuffer'),
        { name, color, lineWidth: 2, perimeter: true })))));
  };

  const open = async () => {
    const A = (await import(data.local ? address(data.script) : data.script)).default;
    await A.init;
    if (!own.viewer) {
      own.viewer = A.aladin(place, {
        target: `${data.target[0]} ${data.target[1]}`, fov: data.field, cooFrame: 'ICRS',
        projection: data.field > 90 ? 'AIT' : 'TAN', survey: [], backgroundColor: 'rgb(5,7,12)',
        gridOptions: { enabled: data.field > 90, showLabels: false, color: 'rgb(120,130,150)' },
        showCooGridControl: true, showSimbadPointerControl: false, showShareControl: false,
        showContextMenu: false, expandLayersControl: false, log: false,
      });
      own.viewer.on('objectClicked', (object) => {
        if (object && object.data && object.data.id) own.send({ kind: 'click', id: object.data.id });
      });
      own.viewer.on('objectsSelected', (groups) => {
        const ids = groups.flat().map((object) => object.data && object.data.id).filter(Boolean);
        own.send({ kind: 'select', ids: [...new Set(ids)] });
      });
      for (const button of tools.querySelectorAll('button')) {
        button.onclick = () => {
          const finish = button.dataset.shape === 'poly' ? ' Click its corners; the tick ends it.' : '';
          said.textContent = `Drag over the sky to select.${finish}`;
          own.viewer.select(button.dataset.shape);
        };
      }
      own.viewer.view.empty = false; // or it would load a survey of its own choice
      tools.hidden = false;
      changed('target', [...data.target, data.focus ? 0 : data.field]);
      changed('dataSet', data.dataSet);
    }
    own.send = (value) => { said.textContent = ''; setTriggerValue('pick', value); };
    // Another data set, or all of its galaxies, are shown whole; another galaxy keeps the zoom.
    const whole = changed('dataSet', data.dataSet) || !data.focus;
    if (changed('target', [...data.target, data.focus ? 0 : data.field])) {
      const seen = own.viewer.getFov()[0];
      own.viewer.setProjection(data.field > 90 ? 'AIT' : 'TAN');
      own.viewer.gotoRaDec(...data.target);
      if (whole || data.field > 90 || seen > 20 * data.field) own.viewer.setFoV(data.field);
    }
    images(A);
    await Promise.all([sources(A), contours(A), coverages(A)]);
    place.dataset.sources = own.sources.length;
    place.dataset.chosen = data.chosen.length;
    place.dataset.lines = (own.layers.lines || []).length;
    place.dataset.coverages = data.coverages.length;
    place.dataset.ready = data.focus || 'all';
    said.textContent = own.problem || '';
  };

  own.loading = (own.loading || Promise.resolve()).then(open).catch((error) => {
    said.textContent = `The viewer cannot be shown: ${error && error.message ? error.message : error}. `
      + (data.local ? 'It needs WebGL 2.' : 'It needs a network, or `radioviz sky-viewer`, and WebGL 2.');
  });
}
