#include "server/config.h"

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <functional>
#include <map>
#include <sstream>

#include "common/file.h"

namespace footnote::server {
namespace {

constexpr size_t kMaxConfigBytes = 1 << 20;

// What a key sets; false when the value is not of its kind.
using Setter = std::function<Status(const toml::node&)>;

Status Expected(const std::string& what) { return InvalidArgumentError("expected " + what); }

template <typename Target>
Setter Text(Target& target) {
  return [&target](const toml::node& node) {
    const auto value = node.value_exact<std::string>();
    if (!value) return Expected("a text in quotation marks");
    target = *value;
    return OkStatus();
  };
}

Setter Flag(bool& target) {
  return [&target](const toml::node& node) {
    const auto value = node.value_exact<bool>();
    if (!value) return Expected("true or false");
    target = *value;
    return OkStatus();
  };
}

Setter Number(int& target, int64_t least, int64_t most) {
  return [&target, least, most](const toml::node& node) {
    const auto value = node.value_exact<int64_t>();
    if (!value || *value < least || *value > most) {
      return Expected("a whole number from " + std::to_string(least) + " to " +
                      std::to_string(most));
    }
    target = static_cast<int>(*value);
    return OkStatus();
  };
}

}  // namespace

StatusOr<ServeConfig> ReadServeConfig(const std::filesystem::path& file) {
  StatusOr<std::string> text = ReadFile(file, kMaxConfigBytes);
  if (!text.ok()) return text.status().WithContext("the configuration");
  const toml::parse_result parsed = toml::parse(*text);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    return InvalidArgumentError(file.string() + ", line " +
                                std::to_string(error.source().begin.line) + ": " +
                                std::string(error.description()));
  }
  ServeConfig config;
  const std::map<std::string, Setter> keys = {
      {"grpc_listen", Text(config.grpc_listen)},
      {"http_listen", Text(config.http_listen)},
      {"generator", Text(config.generator)},
      {"embedder", Text(config.embedder)},
      {"threads", Number(config.threads, 0, 1024)},
      {"trust_principals", Flag(config.trust_principals)},
      {"answers_at_once", Number(config.answers_at_once, 1, 64)},
      {"answers_waiting", Number(config.answers_waiting, 0, 10000)},
      {"kv_cache_mib", Number(config.kv_cache_mib, 16, 1 << 20)},
      {"guess_tokens", Number(config.guess_tokens, 0, 15)},
      {"max_answer_tokens", Number(config.max_answer_tokens, 1, 4096)},
      {"drain_timeout_ms", Number(config.drain_timeout_ms, 0, 3600000)},
  };
  for (const auto& [key, node] : parsed.table()) {
    const std::string name(key.str());
    const std::string where =
        file.string() + ", line " + std::to_string(node.source().begin.line) + ": ";
    const auto found = keys.find(name);
    if (found == keys.end()) {
      std::string known;
      for (const auto& [other, setter] : keys) known += (known.empty() ? "" : ", ") + other;
      return InvalidArgumentError(where + "the key \"" + name + "\" is not known; keys are " +
                                  known);
    }
    const Status set = found->second(node);
    if (!set.ok()) return InvalidArgumentError(where + name + ": " + set.message());
  }
  return config;
}

}  // namespace footnote::server
