// The thread between the stage and its kernel: asks for an explorer by name, and hands over its model.

const PATIENCE = 50; // ms from look to look for a model that is on its way

async function modelOf(manager, id) {
  while (!manager.has_model(id)) await new Promise((done) => setTimeout(done, PATIENCE));
  return manager.get_model(id);
}

export default {
  render({ model }) {
    const made = {};
    model.on("msg:custom", async ({ name, id, ...rest }) => made[name].done({ ...rest, model: await modelOf(model.widget_manager, id) }));
    const ask = (name) => {
      const promised = new Promise((done) => (made[name] = { done }));
      model.send({ make: name });
      return Object.assign(made[name], { promised }).promised;
    };
    window.d2lbptt.stage.connect(async (name) => made[name]?.promised ?? ask(name));
  },
};
