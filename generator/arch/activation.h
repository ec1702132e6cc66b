// Activations of decoders' MLPs by the names that transformers gives them. Private to the generator
// room.
#pragma once

#include <string>
#include <string_view>

#include "common/status.h"
#include "generator/arch/config_reader.h"
#include "generator/blocks/transformer_decoder.h"

namespace footnote::generator {

// The activation that `key` of config.json names, or `absent` does. `gated`: of a gate; a plain MLP
// has GELU alone. Errors: UNIMPLEMENTED names another.
StatusOr<FeedForwardActivation> ReadActivation(ConfigReader& config, std::string_view key,
                                               std::string absent, bool gated);

}  // namespace footnote::generator
