// The `footnote` command: parses the line, runs one sub-command, turns its Status into an exit
// status.

#include <csignal>
#include <iostream>

#include "server/commands/command.h"

int main(int argc, char** argv) {
  // A reader that goes away (`footnote ask … | head`) is a write error, not a death.
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App app(
      "Footnote answers questions from your own documents, with footnotes that can be checked.",
      "footnote");
  app.require_subcommand(1);
  app.set_version_flag("--version", "footnote " FOOTNOTE_VERSION);
  footnote::server::CommandResult result;
#define FOOTNOTE_COMMAND(function) footnote::server::function(app, result);
#include "server/commands/commands.def"
#undef FOOTNOTE_COMMAND
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (!result.status.ok()) {
    std::cerr << "footnote: " << result.status.message() << "\n";
    return 1;
  }
  return 0;
}
