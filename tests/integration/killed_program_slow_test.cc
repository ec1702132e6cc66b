// The `footnote` command killed (SIGKILL) while it indexes, updates, prunes, merges, rolls back and
// erases: what it leaves, and what the same command makes of that when it is run again.
#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>

#include "common/file.h"
#include "common/sha256.h"
#include "retriever/corpus.h"
#include "tests/testing/run_command.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote {
namespace {

namespace fs = std::filesystem;
using retriever::Corpus;
using testing::CommandOutput;
using ::testing::IsEmpty;
using testing::TempDir;

constexpr int kKills = 100;
constexpr int kDocuments = 12;
// Random letters: compression cannot hide them.
constexpr char kSecretWord[] = "xkqjzwvbpmyt";

// One command of the corpus's life, with what it finds and leaves when nothing cuts it short.
struct Command {
  std::vector<std::string> arguments;
  int edition = -1;  // of the sources that it reads; -1: none
  bool erases = false;
  fs::path before{};  // FOOTNOTE_HOME as it finds it
  std::vector<std::string> contents_before{};
  std::vector<std::string> contents{};
  int operations = 0;  // on files below the corpora's folder
};

// What a corpus holds; nothing when it has no generation.
std::vector<std::string> ContentsOf(const fs::path& home) {
  std::vector<std::string> lines;
  const auto corpus = Corpus::Open(home / "corpora", "house");
  if (!corpus.ok()) {
    EXPECT_TRUE(corpus.status().code() == StatusCode::kNotFound ||
                corpus.status().code() == StatusCode::kFailedPrecondition)
        << corpus.status().ToString();
    return lines;
  }
  const retriever::CorpusInfo info = (*corpus)->Info();
  lines.push_back("generation " + std::to_string(info.generation) + ", chunks " +
                  std::to_string(info.chunks) + ", tokens " + std::to_string(info.tokens));
  const auto ids = (*corpus)->DocumentIds();
  EXPECT_OK(ids);
  if (!ids.ok()) return lines;
  for (const std::string& id : *ids) {
    const auto document = (*corpus)->GetDocumentAsOwner(id);
    EXPECT_OK(document);
    if (!document.ok()) continue;
    EXPECT_EQ(Sha256Hex(document->text), document->version) << id;
    lines.push_back(id + " " + document->version);
  }
  const auto findings = (*corpus)->Verify(nullptr);
  EXPECT_OK(findings);
  if (findings.ok()) {
    EXPECT_THAT(*findings, IsEmpty());
  }
  return lines;
}

class KilledProgram : public ::testing::Test {
 protected:
  // Sources of an edition: each changes some documents, the third lacks some.
  fs::path Sources(int edition) {
    const fs::path folder = dir_ / ("edition" + std::to_string(edition));
    if (fs::exists(folder)) return folder;
    fs::create_directory(folder);
    for (int i = 0; i < kDocuments; ++i) {
      if (edition == 2 && i % 5 == 4) continue;
      const int changed = i % 3 == 0 ? edition : 0;
      std::ofstream file(folder / ("clause" + std::to_string(i) + ".md"));
      file << "# Clause " << i << "\n\nThe tenant of flat " << i << " pays a rent of "
           << 900 + i + changed << " EUR.\n\n## Notice\n\nNotice period " << i << " is "
           << changed + 1 << " months.\n";
    }
    std::ofstream(folder / "secret.md") << "# Secret " << kSecretWord << "\n\nEdition " << edition
                                        << " of the " << kSecretWord << ".\n";
    return folder;
  }

  std::map<std::string, std::string> Environment(const fs::path& home) {
    return {{"FOOTNOTE_HOME", home.string()},
            {"LD_PRELOAD", FOOTNOTE_FILE_FAULTS},
            {"FOOTNOTE_FAULTS_FOLDER", (home / "corpora").string()}};
  }

  std::vector<std::string> Arguments(const Command& command) {
    std::vector<std::string> arguments = {FOOTNOTE_BINARY};
    arguments.insert(arguments.end(), command.arguments.begin(), command.arguments.end());
    if (command.edition < 0) return arguments;
    for (const std::string& argument :
         {Sources(command.edition).string(), std::string("--public"), std::string("--prune"),
          std::string("--embedder"), (testing::DataDir() / "models/tiny-bert").string()}) {
      arguments.push_back(argument);
    }
    return arguments;
  }

  // Runs all commands once.
  void RunWhole(std::vector<Command>& commands) {
    const fs::path home = dir_ / "whole";
    fs::create_directory(home);
    int number = 0;
    std::vector<std::string> contents;
    for (Command& command : commands) {
      command.before = dir_ / ("before" + std::to_string(number++));
      fs::copy(home, command.before, fs::copy_options::recursive);
      command.contents_before = contents;
      auto environment = Environment(home);
      environment["FOOTNOTE_FAULTS_COUNT"] = (dir_ / "count").string();
      ASSERT_OK_AND_ASSIGN(const CommandOutput output,
                           testing::RunCommand(Arguments(command), environment));
      ASSERT_EQ(output.exit_status, 0) << output.err;
      ASSERT_OK_AND_ASSIGN(const std::string count, ReadFile(dir_ / "count"));
      command.operations = std::atoi(count.c_str());
      ASSERT_GT(command.operations, 0);
      command.contents = contents = ContentsOf(home);
    }
  }

  void ExpectErased(const fs::path& home) {
    for (const auto& entry : fs::recursive_directory_iterator(home)) {
      if (!entry.is_regular_file() || entry.file_size() == 0) continue;
      EXPECT_EQ(ReadFile(entry.path()).value().find(kSecretWord), std::string::npos)
          << "erased, but there: " << entry.path();
    }
  }

  TempDir dir_;
};

TEST_F(KilledProgram, LeavesTheLastGenerationAndTheSameCommandGoesOn) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer must be the first library, and so must the one that kills";
#endif
  const char* given = std::getenv("FOOTNOTE_FAULTS_SEED");
  const uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::cout << "FOOTNOTE_FAULTS_SEED=" << seed << "\n";
  std::mt19937_64 random(seed);
  std::vector<Command> commands = {
      {.arguments = {"index", "house"}, .edition = 0},
      {.arguments = {"index", "house"}, .edition = 1},
      {.arguments = {"index", "house"}, .edition = 2},
      {.arguments = {"corpus", "rollback", "house", "--to", "2"}},
      {.arguments = {"index", "house"}, .edition = 2},
      {.arguments = {"corpus", "erase", "house", "secret.md"}, .erases = true}};
  RunWhole(commands);
  ASSERT_FALSE(HasFailure());
  int killed = 0;
  for (int i = 0; i < kKills; ++i) {
    const Command& command = commands[random() % commands.size()];
    const TempDir folder;
    const fs::path home = folder / "home";
    fs::copy(command.before, home, fs::copy_options::recursive);
    // At an operation on a file, or at a moment: between them, while documents are embedded.
    const auto at = 1 + random() % static_cast<uint64_t>(command.operations);
    const int after_ms = static_cast<int>(random() % 80);
    const bool at_operation = i % 4 != 3;
    auto environment = Environment(home);
    if (at_operation) environment["FOOTNOTE_FAULTS_KILL_AT"] = std::to_string(at);
    SCOPED_TRACE(
        "kill " + std::to_string(i) + " of " + command.arguments[0] + " " + command.arguments[1] +
        " at " +
        (at_operation ? "operation " + std::to_string(at) : std::to_string(after_ms) + " ms"));
    ASSERT_OK_AND_ASSIGN(const CommandOutput output,
                         at_operation
                             ? testing::RunCommand(Arguments(command), environment)
                             : testing::RunAndKill(Arguments(command), environment, after_ms));
    killed += output.exit_status == 128 + SIGKILL ? 1 : 0;
    ASSERT_TRUE(output.exit_status == 0 || output.exit_status == 128 + SIGKILL) << output.err;

    const std::vector<std::string> left = ContentsOf(home);
    EXPECT_TRUE(left == command.contents_before || left == command.contents)
        << ::testing::PrintToString(left);
    ASSERT_OK_AND_ASSIGN(const CommandOutput again,
                         testing::RunCommand(Arguments(command), Environment(home)));
    // An erasure that was over is not there to be made again.
    const bool over = command.erases && again.err.find("never held") != std::string::npos;
    EXPECT_TRUE(again.exit_status == 0 || over) << again.err;
    EXPECT_EQ(ContentsOf(home), command.contents);
    if (command.erases) ExpectErased(home);
    ASSERT_FALSE(HasFailure());
  }
  std::cout << killed << " of " << kKills << " were killed\n";
  EXPECT_GT(killed, kKills / 2);
}

}  // namespace
}  // namespace footnote
