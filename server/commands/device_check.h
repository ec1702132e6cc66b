// The check of --device, for every command that has it.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "generator/model.h"

namespace footnote::server {

// Empty when `name` is one that ModelOptions::device takes; else what to write, for CLI11.
inline std::string CheckDevice(const std::string& name) {
  if (name == "cpu" || name == "cuda" || name == "auto") return "";
  const auto numbered = [](const std::string& each) {
    return each.starts_with("cuda:") && each.size() > 5 && each.size() < 9 &&
           std::all_of(each.begin() + 5, each.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  const std::vector<std::string> names = generator::DevicesNamed(name);
  return std::all_of(names.begin(), names.end(), numbered)
             ? ""
             : '"' + name + "\" is no device; choose cpu, cuda, cuda:N, cuda:N,M or auto";
}

}  // namespace footnote::server
