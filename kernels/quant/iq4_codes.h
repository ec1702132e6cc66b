// The sixteen values that the 4-bit codes of IQ4_NL and IQ4_XS stand for: closer together near
// zero, where most weights are. A scale multiplies them. Source: the GGUF specification's IQ4
// types.
#pragma once

#include <stdint.h>

namespace footnote::kernels {

static constexpr int8_t kIq4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                          1,    13,   25,  38,  53,  69,  89,  113};

}  // namespace footnote::kernels
