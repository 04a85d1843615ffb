include(CMakePackageConfigHelpers)

install(TARGETS asyncio EXPORT asyncioTargets)
if(ASYNCIO_HTTP)
  install(TARGETS asyncio_http EXPORT asyncioTargets)
endif()
if(ASYNCIO_CLUSTER)
  install(TARGETS asyncio_cluster EXPORT asyncioTargets)
endif()
if(TARGET asyncio_dashboard)
  install(TARGETS asyncio_dashboard EXPORT asyncioTargets)
endif()
if(TARGET asyncio_command)
  install(TARGETS asyncio_command)
endif()
install(DIRECTORY include/asyncio DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${ASYNCIO_GDB_SCRIPT} DESTINATION ${CMAKE_INSTALL_DATADIR}/gdb)
get_target_property(ASYNCIO_TYPE asyncio TYPE)
if(ASYNCIO_TYPE STREQUAL SHARED_LIBRARY)
  # Where gdb looks for it when the library was stripped, if the prefix is that of gdb.
  install(FILES ${ASYNCIO_GDB_SCRIPT}
          DESTINATION ${CMAKE_INSTALL_DATADIR}/gdb/auto-load${CMAKE_INSTALL_FULL_LIBDIR}
          RENAME libasyncio.so.${PROJECT_VERSION}-gdb.py)
endif()
install(EXPORT asyncioTargets NAMESPACE asyncio::
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/asyncio)
configure_package_config_file(cmake/asyncioConfig.cmake.in
  ${PROJECT_BINARY_DIR}/asyncioConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/asyncio)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/asyncioConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/asyncioConfig.cmake
              ${PROJECT_BINARY_DIR}/asyncioConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/asyncio)
# Relative, so that the installed tree may be moved.
file(RELATIVE_PATH ASYNCIO_PC_TO_PREFIX
     ${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
foreach(name asyncio asyncio-http asyncio-cluster asyncio-dashboard)
  string(REPLACE - _ target ${name})
  if(TARGET ${target})
    configure_file(cmake/${name}.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
  endif()
endforeach()
