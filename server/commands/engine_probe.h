// The probe's protocol: one JSON request a line in, one JSON answer a line out, in order, until the
// input ends. Operations: tokenize, detokenize, logits, generate, embed, embed_text, score, chat.
// Arrays of floats travel as {"shape": […], "f32": base64 of little-endian floats}. A bad request
// is answered with {"error": {"code", "message"}} and the probe goes on.
#pragma once

#include <filesystem>
#include <istream>
#include <ostream>

#include "common/status.h"
#include "generator/model.h"

namespace footnote::server {

// Opens the model (or, when the file holds no weights, its tokenizer alone) and serves `in` until
// it ends. Errors: only when neither can be opened.
Status RunProbe(const std::filesystem::path& path, const generator::ModelOptions& options,
                std::istream& in, std::ostream& out);

}  // namespace footnote::server
