#include "common/config.h"

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <algorithm>
#include <deque>
#include <set>
#include <sstream>
#include <utility>

#include "common/file.h"

namespace footnote {
namespace {

constexpr size_t kMaxConfigBytes = 4 << 20;

template <typename Number>
std::string Written(Number number) {
  std::ostringstream text;
  text << number;
  return text.str();
}

int64_t LineOf(const toml::node& node) { return static_cast<int64_t>(node.source().begin.line); }

}  // namespace

struct ConfigFile::State {
  struct Mistake {
    int64_t line = 0;
    std::string message;
  };

  ConfigTable& Add(std::string path, const toml::table* table);

  std::string name;
  toml::table toml;
  std::deque<ConfigTable> tables;  // addresses stay
  std::vector<Mistake> mistakes;
};

struct ConfigTable::State {
  ConfigFile::State* file = nullptr;
  std::string path;                    // "chunking.costs"; empty: the root
  const toml::table* table = nullptr;  // null: not in the file
  std::set<std::string, std::less<>> known;
  std::map<std::string, ConfigTable*> children;

  std::string PathOf(const std::string& key) const { return path.empty() ? key : path + "." + key; }

  // The key's value, null when it is not set; notes that the key is known.
  const toml::node* Find(const std::string& key) {
    known.insert(key);
    return table == nullptr ? nullptr : table->get(key);
  }

  void Expect(const std::string& key, const toml::node& node, const std::string& what) const {
    file->mistakes.push_back({LineOf(node), PathOf(key) + ": expected " + what});
  }
};

ConfigTable::ConfigTable(std::unique_ptr<State> state) : state_(std::move(state)) {}
ConfigTable::ConfigTable(ConfigTable&&) noexcept = default;
ConfigTable::~ConfigTable() = default;

bool ConfigTable::Has(std::string_view key) const {
  return state_->table != nullptr && state_->table->contains(key);
}

void ConfigTable::Text(const std::string& key, std::string& target) {
  const toml::node* node = state_->Find(key);
  if (node == nullptr) return;
  if (const auto value = node->value_exact<std::string>()) {
    target = *value;
  } else {
    state_->Expect(key, *node, "a text in quotation marks");
  }
}

void ConfigTable::Text(const std::string& key, std::filesystem::path& target) {
  std::string text = target.string();
  Text(key, text);
  target = text;
}

void ConfigTable::Texts(const std::string& key, std::vector<std::string>& target) {
  const toml::node* node = state_->Find(key);
  if (node == nullptr) return;
  std::vector<std::string> texts;
  const toml::array* array = node->as_array();
  bool all_texts = array != nullptr;
  for (size_t i = 0; all_texts && i < array->size(); ++i) {
    const auto value = (*array)[i].value_exact<std::string>();
    all_texts = value.has_value();
    if (all_texts) texts.push_back(*value);
  }
  if (all_texts) {
    target = std::move(texts);
  } else {
    state_->Expect(key, *node, "a list of texts: [\"one\", \"two\"]");
  }
}

void ConfigTable::Flag(const std::string& key, bool& target) {
  const toml::node* node = state_->Find(key);
  if (node == nullptr) return;
  if (const auto value = node->value_exact<bool>()) {
    target = *value;
  } else {
    state_->Expect(key, *node, "true or false");
  }
}

void ConfigTable::Number(const std::string& key, int& target, int64_t least, int64_t most) {
  const toml::node* node = state_->Find(key);
  if (node == nullptr) return;
  const auto value = node->value_exact<int64_t>();
  if (value && *value >= least && *value <= most) {
    target = static_cast<int>(*value);
  } else {
    state_->Expect(key, *node, "a whole number from " + Written(least) + " to " + Written(most));
  }
}

void ConfigTable::Real(const std::string& key, double& target, double least, double most) {
  const toml::node* node = state_->Find(key);
  if (node == nullptr) return;
  const auto value = node->is_number() ? node->value<double>() : std::nullopt;
  if (value && *value >= least && *value <= most) {  // false for NaN
    target = *value;
  } else {
    state_->Expect(key, *node, "a number from " + Written(least) + " to " + Written(most));
  }
}

ConfigTable& ConfigTable::Table(const std::string& key) {
  ConfigTable*& child = state_->children[key];
  if (child != nullptr) return *child;
  const toml::node* node = state_->Find(key);
  const toml::table* table = node == nullptr ? nullptr : node->as_table();
  if (node != nullptr && table == nullptr) state_->Expect(key, *node, "a table: [" + key + "]");
  child = &state_->file->Add(state_->PathOf(key), table);
  return *child;
}

std::vector<ConfigTable*> ConfigTable::Tables(const std::string& key) {
  const toml::node* node = state_->Find(key);
  if (node == nullptr) return {};
  const toml::array* array = node->as_array();
  bool all_tables = array != nullptr;
  for (size_t i = 0; all_tables && i < array->size(); ++i) all_tables = (*array)[i].is_table();
  if (!all_tables) {
    state_->Expect(key, *node, "tables: [[" + key + "]]");
    return {};
  }
  std::vector<ConfigTable*> tables;
  for (const toml::node& each : *array) {
    tables.push_back(&state_->file->Add(state_->PathOf(key), each.as_table()));
  }
  return tables;
}

void ConfigTable::OtherTexts(std::map<std::string, std::string>& target) {
  if (state_->table == nullptr) return;
  for (const auto& [key, node] : *state_->table) {
    const std::string name(key.str());
    if (!state_->known.contains(name)) Text(name, target[name]);
  }
}

void ConfigTable::AddMistake(const std::string& key, const std::string& message) {
  const toml::node* node = nullptr;
  if (state_->table != nullptr) node = key.empty() ? state_->table : state_->table->get(key);
  const std::string path = key.empty() ? state_->path : state_->PathOf(key);
  state_->file->mistakes.push_back(
      {node == nullptr ? 0 : LineOf(*node), path.empty() ? message : path + ": " + message});
}

ConfigTable& ConfigFile::State::Add(std::string path, const toml::table* table) {
  auto state = std::make_unique<ConfigTable::State>();
  state->file = this;
  state->path = std::move(path);
  state->table = table;
  return tables.emplace_back(ConfigTable(std::move(state)));
}

ConfigFile::ConfigFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
ConfigFile::ConfigFile(ConfigFile&&) noexcept = default;
ConfigFile& ConfigFile::operator=(ConfigFile&&) noexcept = default;
ConfigFile::~ConfigFile() = default;

StatusOr<ConfigFile> ConfigFile::Read(const std::filesystem::path& path, std::string_view what) {
  const StatusOr<std::string> text = ReadFile(path, kMaxConfigBytes);
  if (!text.ok()) return text.status().WithContext(what);
  return Parse(*text, path.string());
}

StatusOr<ConfigFile> ConfigFile::Parse(std::string_view text, const std::string& name) {
  toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    return InvalidArgumentError(name + ", line " + std::to_string(error.source().begin.line) +
                                ": " + std::string(error.description()));
  }
  auto state = std::make_unique<State>();
  state->name = name;
  state->toml = std::move(parsed).table();
  state->Add("", &state->toml);
  return ConfigFile(std::move(state));
}

ConfigTable& ConfigFile::root() { return state_->tables.front(); }

Status ConfigFile::Finish() const {
  std::vector<State::Mistake> mistakes = state_->mistakes;
  for (const ConfigTable& each : state_->tables) {
    const ConfigTable::State& table = *each.state_;
    if (table.table == nullptr) continue;
    for (const auto& [key, node] : *table.table) {
      const std::string name(key.str());
      if (table.known.contains(name)) continue;
      std::string known;
      for (const std::string& other : table.known) known += (known.empty() ? "" : ", ") + other;
      mistakes.push_back({LineOf(node), "the key \"" + table.PathOf(name) +
                                            "\" is not known; keys " +
                                            (table.path.empty() ? "" : "of " + table.path + " ") +
                                            "are " + known});
    }
  }
  const auto first = std::min_element(mistakes.begin(), mistakes.end(),
                                      [](const auto& a, const auto& b) { return a.line < b.line; });
  if (first == mistakes.end()) return OkStatus();
  return InvalidArgumentError(state_->name + ", line " + std::to_string(first->line) + ": " +
                              first->message);
}

}  // namespace footnote
