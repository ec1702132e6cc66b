# find_package(footnote) from an install tree: targets footnote::common, footnote::kernels, …
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

get_property(rooms GLOBAL PROPERTY FOOTNOTE_ROOMS)
foreach(room IN LISTS rooms)
  install(TARGETS footnote_${room} EXPORT footnoteTargets)
  if(NOT room STREQUAL proto)
    file(GLOB headers ${PROJECT_SOURCE_DIR}/${room}/*.h)
    install(FILES ${headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/${room})
  endif()
endforeach()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/common/text DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/common FILES_MATCHING PATTERN "*.h")
install(FILES ${PROJECT_SOURCE_DIR}/kernels/quant/formats.def DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/kernels/quant)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/indexer/profiles DESTINATION ${CMAKE_INSTALL_DATADIR}/footnote)
install(TARGETS footnote RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(EXPORT footnoteTargets NAMESPACE footnote:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/footnote)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/footnoteConfig.cmake.in ${CMAKE_BINARY_DIR}/footnoteConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/footnote)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/footnoteConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/footnoteConfig.cmake ${CMAKE_BINARY_DIR}/footnoteConfigVersion.cmake
  ${CMAKE_CURRENT_LIST_DIR}/Dependencies.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/footnote)
