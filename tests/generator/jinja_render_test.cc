// Templates run by the interpreter, against what jinja2 makes of them in Hugging Face's environment
// (tools/goldens/template_goldens.py).
//
// FOOTNOTE_TEMPLATE_CASES=FILE runs the cases of another file, such as the same script makes from
// real templates or at random.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "generator/templates/jinja/interpreter.h"
#include "generator/templates/jinja/parser.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote::generator::jinja {
namespace {

using nlohmann::ordered_json;
using testing::DataDir;

// Strings of the messages are content; what else a template is given is trusted.
Value ToValue(const ordered_json& json, bool trusted) {
  if (json.is_string()) return MarkedText(json.get<std::string>(), trusted);
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_integer()) return json.get<int64_t>();
  if (json.is_number()) return json.get<double>();
  if (json.is_array()) {
    Items items;
    for (const auto& item : json) items.push_back(ToValue(item, trusted));
    return *MakeList(std::move(items));
  }
  if (json.is_object()) {
    Entries entries;
    for (const auto& [key, value] : json.items()) {
      entries.emplace_back(MarkedText(key, trusted), ToValue(value, trusted));
    }
    return *MakeDict(std::move(entries));
  }
  return None();
}

std::tm GoldenTime() {
  std::tm time = {};  // Tuesday, 2 January 2024, 03:04:05
  time.tm_year = 124;
  time.tm_mday = 2;
  time.tm_hour = 3;
  time.tm_min = 4;
  time.tm_sec = 5;
  time.tm_wday = 2;
  time.tm_yday = 1;
  return time;
}

StatusOr<MarkedText> RenderRow(const ordered_json& row) {
  FOOTNOTE_ASSIGN_OR_RETURN(const Body body, Parse(row["template"].get<std::string>()));
  RenderInput input;
  input.now = GoldenTime;
  for (const auto& [name, value] : row["context"].items()) {
    input.variables.emplace_back(Value::Trusted(name), ToValue(value, name != "messages"));
  }
  return Render(body, input);
}

void RunFile(const std::filesystem::path& path) {
  std::ifstream file(path);
  ASSERT_TRUE(file) << path;
  int cases = 0;
  int both_fail = 0;
  int refused = 0;
  int different = 0;
  std::map<std::string, int> reasons;
  for (std::string line; std::getline(file, line); ++cases) {
    const ordered_json row = ordered_json::parse(line);
    const std::string name = row.value("name", row["template"].get<std::string>());
    const StatusOr<MarkedText> text = RenderRow(row);
    if (row["text"].is_null()) {
      both_fail += text.ok() ? 0 : 1;
      if (text.ok() && ++different <= 20) {
        ADD_FAILURE() << name << "\n"
                      << row["template"] << "\nrenders " << text->bytes() << "\nwhere jinja2 has "
                      << row["error"];
      }
      continue;
    }
    if (!text.ok()) {
      if (text.status().code() == StatusCode::kUnimplemented && row.value("may_refuse", false)) {
        ++refused;
        ++reasons[text.status().message().substr(text.status().message().find(": ") + 2)];
        continue;
      }
      if (++different <= 20) {
        ADD_FAILURE() << name << "\n"
                      << row["template"] << "\n"
                      << text.status().ToString() << "\nexpected " << row["text"];
      }
      continue;
    }
    if (text->bytes() != row["text"].get<std::string>() && ++different <= 20) {
      ADD_FAILURE() << name << "\n"
                    << row["template"] << "\nrenders  " << ordered_json(text->bytes())
                    << "\nexpected " << row["text"];
    }
  }
  EXPECT_EQ(different, 0);
  std::cout << path.filename().string() << ": " << cases << " cases, " << different
            << " different, " << both_fail << " fail in both, " << refused << " refused by name\n";
  for (const auto& [reason, count] : reasons) std::cout << "  " << count << " " << reason << "\n";
}

TEST(JinjaRender, GivesWhatJinja2Gives) {
  const std::filesystem::path path = DataDir() / "goldens/templates.jsonl";
  RunFile(path);
}

TEST(JinjaRender, GivesWhatJinja2GivesForTheFileGiven) {
  const char* path = std::getenv("FOOTNOTE_TEMPLATE_CASES");
  if (path == nullptr) GTEST_SKIP() << "FOOTNOTE_TEMPLATE_CASES names no file";
  RunFile(path);
}

}  // namespace
}  // namespace footnote::generator::jinja
