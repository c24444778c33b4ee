# Headers, libraries, the command and a CMake package: find_package(assay) then link assay::assay or one room.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS assay ${ASSAY_ROOM_TARGETS} EXPORT assay_targets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(DIRECTORY include/assay DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
install(EXPORT assay_targets NAMESPACE assay:: FILE assay-targets.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/assay COMPONENT development)
configure_package_config_file(cmake/assay-config.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/assay-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/assay)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/assay-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/assay-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/assay-config-version.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/assay COMPONENT development)
