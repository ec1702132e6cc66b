#include "tests/testing/run_command.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/testing/temp_dir.h"

extern char** environ;

namespace footnote::testing {
namespace {

std::string Slurp(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

StatusOr<CommandOutput> Run(const std::vector<std::string>& arguments,
                            const std::map<std::string, std::string>& environment,
                            const std::string& input, int kill_after_ms) {
  TempDir dir;
  std::ofstream(dir / "in", std::ios::binary) << input;
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    if (!environment.contains(text.substr(0, text.find('=')))) variables.push_back(text);
  }
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  std::vector<char*> argv;
  std::vector<char*> envp;
  std::vector<std::string> copy = arguments;
  for (std::string& argument : copy) argv.push_back(argument.data());
  for (std::string& variable : variables) envp.push_back(variable.data());
  argv.push_back(nullptr);
  envp.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, (dir / "in").c_str(), O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, (dir / "out").c_str(), O_WRONLY | O_CREAT, 0600);
  posix_spawn_file_actions_addopen(&actions, 2, (dir / "err").c_str(), O_WRONLY | O_CREAT, 0600);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), envp.data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return ErrnoError("cannot start " + arguments[0], error);
  if (kill_after_ms >= 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(kill_after_ms));
    kill(pid, SIGKILL);
  }
  int wait_status = 0;
  while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR) {
  }
  CommandOutput output;
  output.exit_status =
      WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
  output.out = Slurp(dir / "out");
  output.err = Slurp(dir / "err");
  return output;
}

}  // namespace

StatusOr<CommandOutput> RunCommand(const std::vector<std::string>& arguments,
                                   const std::map<std::string, std::string>& environment,
                                   const std::string& input) {
  return Run(arguments, environment, input, -1);
}

StatusOr<CommandOutput> RunAndKill(const std::vector<std::string>& arguments,
                                   const std::map<std::string, std::string>& environment,
                                   int delay_ms) {
  return Run(arguments, environment, "", delay_ms);
}

}  // namespace footnote::testing
