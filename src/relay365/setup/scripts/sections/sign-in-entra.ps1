# Sign in to Entra: as an Application Administrator (or Cloud Application Administrator) who may consent, see below.
Connect-MgGraph -TenantId $tenantId -Environment $graphCloud -Scopes 'Application.ReadWrite.All', 'AppRoleAssignment.ReadWrite.All' -NoWelcome
