/** Contexts that the scripts work with. */

const SMALL = { currentTask: 'fix the button', projectStructure: { src: ['app.tsx'] }, history: ['first', 'second'] };

/** So large that work on it is still under way when the next lines of a script run: 20 KB of text a file, new to us. */
function large(seed = 0, fileCount = 200) {
  const files = {};
  for (let file = 0; file < fileCount; file++) {
    let text = '';
    for (let line = 0; line < 400; line++)
      text += `const v${seed}_${file}_${line} = render(${line * 7919}, 'é${file}');\n`;
    files[`src/file-${file}.ts`] = text;
  }
  return { currentTask: 'render everything', projectStructure: { files } };
}

const CONFIG = { environment: 'development' };

module.exports = { SMALL, CONFIG, large };
