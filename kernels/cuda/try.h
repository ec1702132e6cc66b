// Returns from the enclosing function when a call's int is not 0.
#pragma once

#define FOOTNOTE_CUDA_TRY(expression)                                   \
  do {                                                                  \
    if (const int footnote_error = (expression); footnote_error != 0) { \
      return footnote_error;                                            \
    }                                                                   \
  } while (false)
