# What `cmake --install` adds to the program and the library: the headers, CMake package files and pkg-config's.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/sangre)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/plugins/include/sangre DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

set_target_properties(sangre_headers PROPERTIES EXPORT_NAME headers)
install(TARGETS sangre_headers EXPORT sangre-targets)
if(TARGET libsangre)
  set_target_properties(libsangre PROPERTIES EXPORT_NAME sangre)
  install(TARGETS libsangre EXPORT sangre-targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
install(EXPORT sangre-targets NAMESPACE sangre:: DESTINATION ${package_dir})

set(plugin_dir ${SANGRE_PLUGIN_DIR})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/sangre-config.cmake.in ${PROJECT_BINARY_DIR}/sangre-config.cmake
  INSTALL_DESTINATION ${package_dir} PATH_VARS plugin_dir)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/sangre-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/sangre-config.cmake ${PROJECT_BINARY_DIR}/sangre-config-version.cmake
  ${CMAKE_CURRENT_LIST_DIR}/SangrePlugin.cmake DESTINATION ${package_dir})

file(RELATIVE_PATH relative_up /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(${CMAKE_CURRENT_LIST_DIR}/sangre.pc.in ${PROJECT_BINARY_DIR}/sangre.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/sangre.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
