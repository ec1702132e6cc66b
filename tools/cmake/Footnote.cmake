# Compiler settings and the two functions that every room uses.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
option(FOOTNOTE_WERROR "Warnings are errors" OFF)

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()
find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
endif()

# -ffp-contract=off: sums are the same whether or not the compiler would fuse; kernels fuse by intrinsics, where they mean to.
add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wall> $<$<COMPILE_LANGUAGE:CXX>:-Wextra>
  $<$<COMPILE_LANGUAGE:CXX>:-Werror=unused-result> $<$<COMPILE_LANGUAGE:CXX>:-Werror=return-type>
  $<$<COMPILE_LANGUAGE:CXX>:-ffp-contract=off>)
if(FOOTNOTE_WERROR)
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Werror>)
endif()
if(FOOTNOTE_SANITIZE)
  add_compile_options(-fsanitize=${FOOTNOTE_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${FOOTNOTE_SANITIZE})
  if(FOOTNOTE_SANITIZE MATCHES undefined)
    add_compile_options(-fno-sanitize-recover=all)
  endif()
endif()

# footnote_room(NAME DEPENDS targets… [PRIVATE targets…] [EXCLUDE regex…])
# Library footnote_NAME, alias footnote::NAME, of every .cc below this folder. Headers at the folder's root are public.
function(footnote_room name)
  cmake_parse_arguments(ROOM "" "" "DEPENDS;PRIVATE;EXCLUDE" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  foreach(pattern IN LISTS ROOM_EXCLUDE)
    list(FILTER sources EXCLUDE REGEX ${pattern})
  endforeach()
  add_library(footnote_${name} STATIC ${sources})
  add_library(footnote::${name} ALIAS footnote_${name})
  target_include_directories(footnote_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:include>)
  target_compile_features(footnote_${name} PUBLIC cxx_std_20)
  target_link_libraries(footnote_${name} PUBLIC ${ROOM_DEPENDS} PRIVATE ${ROOM_PRIVATE})
  set_target_properties(footnote_${name} PROPERTIES EXPORT_NAME ${name})
  set_property(GLOBAL APPEND PROPERTY FOOTNOTE_ROOMS ${name})
endfunction()

# footnote_tests(ROOM LINK targets… [LABELS labels…])
# One executable for each tests/ROOM/**/*_test.cc; its tests carry the room's label and those given.
# A file whose name contains "_gpu_" or "_model_" gets the label gpu or model too.
function(footnote_tests room)
  cmake_parse_arguments(TESTS "" "" "LINK;LABELS" ${ARGN})
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${room}/*_test.cc)
  foreach(file IN LISTS files)
    get_filename_component(stem ${file} NAME_WE)
    set(target ${room}_${stem})
    add_executable(${target} ${file})
    target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
    target_compile_definitions(${target} PRIVATE FOOTNOTE_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data")
    target_link_libraries(${target} PRIVATE ${TESTS_LINK} footnote_testing GTest::gtest_main GTest::gmock)
    set(labels ${room} ${TESTS_LABELS})
    foreach(kind gpu model slow)
      if(stem MATCHES "_${kind}_")
        list(APPEND labels ${kind})
      endif()
    endforeach()
    # LABELS a LABELS b: CMake 3.25 keeps only the first of a list here.
    set(label_arguments)
    foreach(label IN LISTS labels)
      list(APPEND label_arguments LABELS ${label})
    endforeach()
    gtest_discover_tests(${target} TEST_PREFIX "${room}." DISCOVERY_TIMEOUT 60
      PROPERTIES TIMEOUT 600 ${label_arguments})
  endforeach()
endfunction()
