// Reading tokenizer.json: members that may be absent or of another type than they should.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace footnote::generator {

// The member, or null. Nothing of a file's shape is taken for granted.
inline const nlohmann::json& JsonMember(const nlohmann::json& object, const char* key) {
  static const nlohmann::json absent;
  if (!object.is_object()) return absent;
  const auto found = object.find(key);
  return found == object.end() ? absent : *found;
}

inline std::string JsonText(const nlohmann::json& value) {
  return value.is_string() ? value.get<std::string>() : std::string();
}

inline std::string JsonText(const nlohmann::json& object, const char* key) {
  return JsonText(JsonMember(object, key));
}

inline bool JsonFlag(const nlohmann::json& object, const char* key, bool absent) {
  const nlohmann::json& value = JsonMember(object, key);
  return value.is_boolean() ? value.get<bool>() : absent;
}

// Steps of a Sequence (its list is called `members`), or the one step there is. A Sequence in a
// Sequence is rare; one that is nested more deeply comes out as a step of its own.
inline std::vector<const nlohmann::json*> JsonSteps(const nlohmann::json& step, const char* members,
                                                    int depth = 0) {
  constexpr int kDeepest = 4;
  std::vector<const nlohmann::json*> steps;
  if (JsonText(step, "type") == "Sequence" && depth < kDeepest) {
    for (const nlohmann::json& inner : JsonMember(step, members)) {
      for (const auto* innermost : JsonSteps(inner, members, depth + 1)) steps.push_back(innermost);
    }
  } else if (!step.is_null()) {
    steps.push_back(&step);
  }
  return steps;
}

}  // namespace footnote::generator
