// The check of --device, for every command that has it.
#pragma once

#include <algorithm>
#include <string>

namespace footnote::server {

// Empty when `name` is one that ModelOptions::device takes; else what to write, for CLI11.
inline std::string CheckDevice(const std::string& name) {
  if (name == "cpu" || name == "cuda" || name == "auto") return "";
  const bool numbered =
      name.starts_with("cuda:") && name.size() > 5 && name.size() < 9 &&
      std::all_of(name.begin() + 5, name.end(), [](char c) { return c >= '0' && c <= '9'; });
  return numbered ? "" : "\"" + name + "\" is no device; choose cpu, cuda, cuda:N or auto";
}

}  // namespace footnote::server
