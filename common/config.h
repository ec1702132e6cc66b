// Configuration files in TOML. toml++ is known to config.cc alone.
//
// A reader asks a table for the keys it knows, each with the variable that it sets; what a file
// does not set stays as it was. Mistakes are collected, and Finish tells the first of them: what
// was asked for and has the wrong type or range, and keys that nobody asked for.
//
//   FOOTNOTE_ASSIGN_OR_RETURN(ConfigFile file, ConfigFile::Parse(text, "serve.toml"));
//   file.root().Number("threads", threads, 0, 1024);
//   file.root().Table("log").Text("level", level);
//   return file.Finish();
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"

namespace footnote {

// One table. Threads: one caller for a file and its tables.
class ConfigTable {
 public:
  ConfigTable(ConfigTable&&) noexcept;
  ~ConfigTable();

  bool Has(std::string_view key) const;

  void Text(const std::string& key, std::string& target);
  void Text(const std::string& key, std::filesystem::path& target);
  void Texts(const std::string& key, std::vector<std::string>& target);
  void Flag(const std::string& key, bool& target);
  void Number(const std::string& key, int& target, int64_t least, int64_t most);
  // Takes whole numbers, too.
  void Real(const std::string& key, double& target, double least, double most);

  // The table [key]; an empty one when there is none.
  ConfigTable& Table(const std::string& key);
  // The tables [[key]] in order.
  std::vector<ConfigTable*> Tables(const std::string& key);
  // Keys that nobody asked for yet: the file's own names, each with a text.
  void OtherTexts(std::map<std::string, std::string>& target);

  // For what the file says and its types do not show: "a second rule for the same folder". The
  // mistake is `key`'s, or with an empty key the table's own.
  void AddMistake(const std::string& key, const std::string& message);

 private:
  friend class ConfigFile;
  struct State;
  explicit ConfigTable(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

class ConfigFile {
 public:
  // `what` is what it is to the user, for errors: "the configuration". Errors: those of ReadFile
  // and Parse.
  static StatusOr<ConfigFile> Read(const std::filesystem::path& path, std::string_view what);
  // `name` is what errors call the text. INVALID_ARGUMENT names line and mistake in what is no
  // TOML, or sets a key twice.
  static StatusOr<ConfigFile> Parse(std::string_view text, const std::string& name);

  ConfigFile(ConfigFile&&) noexcept;
  ConfigFile& operator=(ConfigFile&&) noexcept;
  ~ConfigFile();

  // Lives as long as the file does, as do all tables in it.
  ConfigTable& root();

  // Call it when all keys have been asked for. INVALID_ARGUMENT names file, line, key and what was
  // expected of the first mistake; of an unknown key the ones that there are.
  Status Finish() const;

 private:
  friend class ConfigTable;
  struct State;
  explicit ConfigFile(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace footnote
