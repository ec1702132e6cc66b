# Turns kernel launches of a CUDA source into calls of the emulation: cmake -DSOURCE=… -DOUTPUT=… -P translate.cmake
file(READ ${SOURCE} text)
string(REGEX REPLACE "([A-Za-z_][A-Za-z0-9_]*(<[^<>;{}]*>)?)[ \n]*<<<([^;]*)>>>\\("
  "emulation::Launch(\\1, \\3)(" text "${text}")
file(WRITE ${OUTPUT} "#line 1 \"${SOURCE}\"\n${text}")
