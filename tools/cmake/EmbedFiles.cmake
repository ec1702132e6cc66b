# Compiles the files of a folder into a program.
#
# footnote_embed_files(TARGET FOLDER HEADER FUNCTION TYPE)     HEADER "server/http_assets.h", FUNCTION HttpAssets, TYPE HttpAsset
#   adds a generated source to TARGET that defines the function which HEADER declares in the namespace of its folder. TYPE is
#   {name, bytes, sha256}. Rebuilt when a file changes; a new file is seen by the next build. A folder without files is an error:
#   a server without its page is of no use.
#
# As a script (cmake -DFOLDER=… -DFILES=… -DHEADER=… -DFUNCTION=… -DTYPE=… -DOUTPUT=… -P EmbedFiles.cmake) it writes that source.

if(CMAKE_SCRIPT_MODE_FILE)
  set(arrays)
  set(rows)
  set(number 0)
  foreach(name IN LISTS FILES)
    file(READ ${FOLDER}/${name} hex HEX)
    file(SHA256 ${FOLDER}/${name} sha256)
    string(LENGTH "${hex}" length)
    math(EXPR bytes "${length} / 2")
    string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
    # One byte more, so that an empty file is no empty array.
    string(APPEND arrays "// ${name}\nconstexpr unsigned char kFile${number}[] = {\n${hex}\n0x00};\n\n")
    string(APPEND rows "    ${TYPE}{\"${name}\", Bytes(kFile${number}, ${bytes}),\n              \"${sha256}\"},\n")
    math(EXPR number "${number} + 1")
  endforeach()
  get_filename_component(namespace ${HEADER} DIRECTORY)
  file(WRITE ${OUTPUT}.new "// Written by tools/cmake/EmbedFiles.cmake.
#include \"${HEADER}\"

namespace footnote::${namespace} {
namespace {

${arrays}std::string_view Bytes(const unsigned char* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace

std::span<const ${TYPE}> ${FUNCTION}() {
  static const ${TYPE} files[] = {
${rows}  };
  return files;
}

}  // namespace footnote::${namespace}
")
  file(RENAME ${OUTPUT}.new ${OUTPUT})
  return()
endif()

set(FOOTNOTE_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})

function(footnote_embed_files target folder header function type)
  file(GLOB_RECURSE names CONFIGURE_DEPENDS RELATIVE ${folder} ${folder}/*)
  if(NOT names)
    message(FATAL_ERROR "${folder} holds no files to embed in ${target}")
  endif()
  list(SORT names)
  list(TRANSFORM names PREPEND ${folder}/ OUTPUT_VARIABLE files)
  get_filename_component(stem ${folder} NAME)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/embedded_${stem}.cc)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DFOLDER=${folder} "-DFILES=${names}" -DHEADER=${header} -DFUNCTION=${function}
      -DTYPE=${type} -DOUTPUT=${output}
      -P ${FOOTNOTE_EMBED_SCRIPT}
    DEPENDS ${files} ${FOOTNOTE_EMBED_SCRIPT}
    COMMENT "Embedding ${folder}" VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()
